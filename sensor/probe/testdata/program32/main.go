// Program32 makes the system calls that its standard input asks for. Built for 386 or arm it makes them as a 32-bit program
// does, which the tests of package probe cannot do themselves. It is told addresses and numbers and knows no meaning of
// either.
//
// A request is a word that says what to do, seven more and what they say follows; the answer is a word, in the machine's
// order: a result, or an error as a negative number.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests.
const (
	makeCall       = iota // number, six arguments
	storeBytes            // length; the bytes follow: their address
	importFD              // process, descriptor: the other's descriptor under the same number
	enterDirectory        // length; its name follows
)

// keptFree is the number below which no call shall find a free descriptor: there they are the tests'.
const keptFree = 700

// stored is what calls are pointed to.
var stored [][]byte

func main() {
	runtime.LockOSThread() // ids are a thread's
	for fd := range keptFree {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			unix.Dup3(1, fd, unix.O_CLOEXEC)
		}
	}
	for {
		var words [8]uint32
		err := binary.Read(os.Stdin, binary.NativeEndian, &words)
		if errors.Is(err, io.EOF) {
			return
		}
		var answer int32
		if err == nil {
			answer, err = serve(words)
		}
		var errno unix.Errno
		if errors.As(err, &errno) {
			answer, err = -int32(errno), nil
		}
		if err == nil {
			err = binary.Write(os.Stdout, binary.NativeEndian, answer)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "program32:", err)
			os.Exit(1)
		}
	}
}

func serve(words [8]uint32) (int32, error) {
	switch words[0] {
	case makeCall:
		r, _, errno := unix.Syscall6(uintptr(words[1]), uintptr(words[2]), uintptr(words[3]), uintptr(words[4]),
			uintptr(words[5]), uintptr(words[6]), uintptr(words[7]))
		if errno != 0 {
			return 0, errno
		}
		return int32(r), nil
	case storeBytes:
		b, err := read(words[1])
		stored = append(stored, b)
		return int32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))), err
	case importFD:
		return 0, take(int(words[1]), int(int32(words[2])))
	case enterDirectory:
		dir, err := read(words[1])
		if err != nil {
			return 0, err
		}
		return 0, unix.Chdir(string(dir))
	}
	return 0, fmt.Errorf("no request %d", words[0])
}

// read reads n bytes into memory that the system call's argument can be: a page that is there.
func read(n uint32) ([]byte, error) {
	b := make([]byte, n, n+1)
	_, err := io.ReadFull(os.Stdin, b)
	return b, err
}

func take(pid, fd int) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(process)
	copied, err := unix.PidfdGetfd(process, fd, 0)
	if err != nil || copied == fd {
		return err
	}
	defer unix.Close(copied)
	return unix.Dup3(copied, fd, unix.O_CLOEXEC)
}
