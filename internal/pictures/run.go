package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// columns is how wide the terminal is.
const columns = 118

// A run is a `tiercel up` on a terminal.
type run struct {
	cmd  *exec.Cmd
	dir  string
	page string // its address
}

var pageLine = regexp.MustCompile(`page: (http://[^\s]+)`)

// start has script(1) make the terminal, which keeps what is written there, and waits until the run watches.
func start(ctx context.Context, tiercel string) (*run, error) {
	dir, err := os.MkdirTemp("", "tiercel-pictures-")
	if err != nil {
		return nil, err
	}
	r := &run{dir: dir}
	command := fmt.Sprintf("stty cols %d rows 40; exec unshare --uts sh -c 'hostname worker-1; exec %q up'", columns, tiercel)
	r.cmd = exec.CommandContext(ctx, "script", "--quiet", "--flush", "--return", "--command", command, r.file())
	r.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "TZ=UTC")
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if err := r.until(ctx, "watching"); err != nil {
		r.end()
		return nil, err
	}
	text, err := r.written()
	if err != nil {
		return nil, err
	}
	found := pageLine.FindSubmatch(text)
	if found == nil {
		r.end()
		return nil, fmt.Errorf("no page is served: %s", text)
	}
	r.page = string(found[1])
	return r, nil
}

func (r *run) file() string { return filepath.Join(r.dir, "typescript") }

func (r *run) written() ([]byte, error) { return os.ReadFile(r.file()) }

// until waits until the terminal says something.
func (r *run) until(ctx context.Context, what string) error {
	for {
		text, err := r.written()
		if err == nil && bytes.Contains(text, []byte(what)) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %q: %s", what, text)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var alertLine = regexp.MustCompile(`\x1b\[1m(\w+)\x1b\[0m`)

// quiet is an error if any other rule fired than those given: the pictures are to show nothing of somebody else's.
func (r *run) quiet(rules ...string) error {
	text, err := r.written()
	if err != nil {
		return err
	}
	for _, found := range alertLine.FindAllSubmatch(text, -1) {
		if !slices.Contains(rules, string(found[1])) {
			return fmt.Errorf("somebody else is at work on this machine: %s", found[1])
		}
	}
	return nil
}

func (r *run) end() {
	_ = r.cmd.Process.Signal(os.Interrupt) // it has ended if it cannot be told
	_ = r.cmd.Wait()
	_ = os.RemoveAll(r.dir)
}
