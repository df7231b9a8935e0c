package probe

import (
	"errors"
	"os"
)

var (
	// ErrUnsupported: this machine or this process cannot run the programs; the error says what is missing and what to
	// do. A caller may go on without the kernel, for instance with a capture.
	ErrUnsupported = errors.New("the kernel cannot be watched from here")
	// ErrMemory: ring, maps and the process would not fit into the cgroup's memory limit.
	ErrMemory = errors.New("memory limit too low")
	// ErrClosed: the probe was closed; the reading loop ends.
	ErrClosed = os.ErrClosed
	// ErrTruncated: the record is shorter than it says, or than its kind needs. A caller counts it and goes on.
	ErrTruncated = errors.New("record truncated")
	// ErrUnknownKind: a newer version's record. A caller counts it and goes on.
	ErrUnknownKind = errors.New("unknown kind of record")
)
