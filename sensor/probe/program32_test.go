package probe

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A program32 is testdata/program32 at work.
type program32 struct {
	cmd  *exec.Cmd
	in   io.Writer
	out  io.Reader
	lent map[int]bool
	dir  string
}

// built32 is the file of the program: one that was put beside the test, or one made now.
var built32 = sync.OnceValues(func() (string, error) {
	const beside = "program32"
	if path, err := filepath.Abs(beside); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	goarch := map[string]string{"amd64": "386", "arm64": "arm"}[runtime.GOARCH]
	path := filepath.Join(os.TempDir(), "tiercel-"+beside+"-"+goarch)
	cmd := exec.Command("go", "build", "-o", path, "./testdata/program32")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+goarch)
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
})

// byProgram has the tests' calls made by a 32-bit program, for the rest of a test.
func byProgram(t *testing.T) {
	t.Helper()
	path, err := built32()
	if err != nil {
		t.Skipf("no 32-bit program: %v", err)
	}
	p := &program32{cmd: exec.CommandContext(t.Context(), path), lent: map[int]bool{}}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err == nil {
		if p.out, err = p.cmd.StdoutPipe(); err == nil {
			err = p.cmd.Start()
		}
	}
	if err != nil {
		t.Skipf("this kernel has no 32-bit programs: %v", err)
	}
	calling32 = p
	t.Cleanup(func() {
		calling32 = nil
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
}

// The requests of the program.
const (
	makeCall = iota
	storeBytes
	importFD
	enterDirectory
)

func (p *program32) ask(request uint32, rest []byte, words ...uint32) int32 {
	b := make([]byte, 0, 32+len(rest))
	for _, w := range append([]uint32{request}, append(words, make([]uint32, 7-len(words))...)...) {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	var answer int32
	_, err := p.in.Write(append(b, rest...))
	if err == nil {
		err = binary.Read(p.out, binary.NativeEndian, &answer)
	}
	if err != nil {
		panic(err)
	}
	return answer
}

func (p *program32) pid() int { return p.cmd.Process.Pid }

func (p *program32) point(b []byte) uintptr {
	return uintptr(uint32(p.ask(storeBytes, b, uint32(len(b)))))
}

func (p *program32) lend(fd int) { p.lent[fd] = true }

// call has the program stand where the test does, with the descriptors that the test lends, and takes the one that the
// call returned. The program begins to count at keptFree.
func (p *program32) call(t *testing.T, nr uint32, args [6]uint32) int32 {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if dir != p.dir {
		p.ask(enterDirectory, []byte(dir), uint32(len(dir)))
		p.dir = dir
	}
	for fd := range p.lent {
		p.ask(importFD, nil, uint32(os.Getpid()), uint32(fd)) // one that is not open is left so
	}
	r := p.ask(makeCall, nil, nr, args[0], args[1], args[2], args[3], args[4], args[5])
	const keptFree = 700
	if r >= keptFree {
		p.give(t, int(r))
	}
	return r
}

// give gives the test the program's descriptor, under the same number.
func (p *program32) give(t *testing.T, fd int) {
	t.Helper()
	process, err := unix.PidfdOpen(p.pid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(process)
	copied, err := unix.PidfdGetfd(process, fd, 0)
	if err == unix.EBADF {
		return // no descriptor
	}
	if err == nil {
		defer unix.Close(copied)
		err = unix.Dup3(copied, fd, unix.O_CLOEXEC)
	}
	if err != nil {
		t.Fatal(err)
	}
}
