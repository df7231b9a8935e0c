package output

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"tiercel.dev/alert"
)

// program writes lines to the standard input of a shell command: one that runs for as long as the sensor does, or, with
// each, one started for every alert.
//
// What the program itself does is seen by the sensor like anything else. A rule that matches it (a shell was started, a
// connection was made) makes alerts of alerts without end: such a program runs outside of the sensor's view, or rules
// make an exception for it, for example for its process group's parent, proc.pname. Throttling bounds the damage.
type program struct {
	command string
	format  Format
	each    bool
	grace   time.Duration // between SIGTERM and SIGKILL
	run     *running      // nil when none runs
	pgid    atomic.Int32  // of the one that runs, for tests and Close
}

// programGrace is how long a program may take after its input ended, and again after SIGTERM.
const programGrace = 500 * time.Millisecond

// NewProgram makes an Output that runs command with /bin/sh -c and writes lines to its standard input; what it prints
// goes to the sensor's standard error. If it ends it is started again for the next alert; each asks for one start per
// alert, which counts as written when the program ended with status 0.
func NewProgram(command string, format Format, each bool) Output {
	return &program{command: command, format: format, each: each, grace: programGrace}
}

// shortLife is how long a program must have run for its end not to be an error, which has the Fanout wait before the
// next start. Lines that such a program had in its pipe are lost with it: nobody can tell what it read.
const shortLife = time.Second

// running is one run of the program.
type running struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	done  chan struct{} // closed when it was waited for
	err   error         // how it ended; read after done, as is the next
	lived time.Duration
}

func (o *program) start() (*running, error) {
	cmd := exec.Command("/bin/sh", "-c", o.command)
	cmd.Stderr = os.Stderr
	cmd.Stdout = os.Stderr // standard output may be an output of alerts
	// A process group of its own, so that a Ctrl-C for the sensor does not end it before the last alerts are written, and
	// all that the shell starts can be ended together. Should the sensor be killed, its input ends; should it ignore
	// that, it is killed too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &running{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	o.pgid.Store(int32(cmd.Process.Pid))
	began := time.Now()
	go func() {
		r.err = cmd.Wait()
		r.lived = time.Since(began)
		close(r.done)
	}()
	return r, nil
}

func (o *program) Write(ctx context.Context, a *alert.Alert) error {
	line, err := o.format.line(a, false)
	if err != nil {
		return err
	}
	if o.run != nil && o.run.ended() {
		lived := o.run.lived
		end := o.stop(ctx) // ends what its shell left behind
		if lived < shortLife {
			return fmt.Errorf("program: ended after %v: %v", lived.Round(time.Millisecond), end)
		}
	}
	if o.run == nil {
		if o.run, err = o.start(); err != nil {
			return fmt.Errorf("program: %w", err)
		}
	}
	if err := o.run.write(ctx, line); err != nil {
		// A part of the line may be in the pipe: whoever reads it must not get another behind it.
		end := o.stop(ctx)
		return fmt.Errorf("program: %w", errors.Join(err, end))
	}
	if o.each {
		if err := o.finish(ctx); err != nil {
			return fmt.Errorf("program: %w", err)
		}
	}
	return nil
}

func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// write gives up when ctx is done or the program has ended, even if a child that it left behind holds the pipe open.
func (r *running) write(ctx context.Context, line []byte) error {
	written := make(chan error, 1)
	go func() {
		_, err := r.stdin.Write(line)
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
	case <-r.done:
		select {
		case err := <-written:
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
	r.stdin.Close() // ends the write
	err := <-written
	return errors.Join(ctx.Err(), err)
}

// finish ends the input and waits for the program to end by itself.
func (o *program) finish(ctx context.Context) error {
	r := o.run
	r.stdin.Close()
	select {
	case <-r.done:
		o.stop(ctx)
		return r.err
	case <-ctx.Done():
		o.stop(ctx)
		return ctx.Err()
	}
}

// stop ends what runs: end of input, SIGTERM after a grace, SIGKILL after another, to the whole group. With ctx done
// there is no grace.
func (o *program) stop(ctx context.Context) error {
	r := o.run
	o.run = nil
	r.stdin.Close()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		r.wait(ctx, o.grace)
		if r.ended() {
			break
		}
		syscall.Kill(-r.cmd.Process.Pid, sig)
	}
	<-r.done
	// Those of the group that outlived the shell. The group's number is not used again while one is left.
	syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL)
	return r.err
}

func (r *running) wait(ctx context.Context, grace time.Duration) {
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-r.done:
	case <-t.C:
	case <-ctx.Done():
	}
}

func (o *program) Close(ctx context.Context) error {
	if o.run == nil {
		return nil
	}
	if err := o.stop(ctx); err != nil {
		return fmt.Errorf("program: %w", err)
	}
	return nil
}
