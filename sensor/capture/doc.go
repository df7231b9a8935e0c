// Package capture writes what a sensor saw into a file, and reads it back as the same events, on any machine and years
// later: that is how a rule is tried on yesterday's node before it is rolled out. The commands record and replay call
// it. It neither reads the kernel nor runs rules.
//
// # What is in a capture
//
// Events as rules see them, not the kernel's records: with process, ancestors and container already resolved, so that a
// replay needs no process table, no container runtime and no BPF, and gives the same alerts each time. Secrets are taken
// out before anything is written.
//
// # Encoding
//
// The layout of the kernel's records changes with releases and differs between architectures, so none of it is in here.
// Each event, process and container is a message in protobuf's wire format, with the numbers in fields_*.go; they are
// written by hand and not by generated code, since that would double the work for each event: a struct filled, then
// encoded. Numbers are never reused. A field that this version does not know is skipped; a field that is absent is zero.
// An empty list reads as nil.
//
// A file is
//
//	"TIERCAP\n"  version(4)  crc(4)       crc over the 12 bytes before
//	block ...
//	end block
//
// with all integers little-endian and all checksums CRC-32C. A block is
//
//	type(1)  zero(3)  stored(4)  size(4)  crc(4)  crc(4)  payload(stored)
//
// where size is that of the payload when decompressed with zstd, the first crc is the stored payload's and the second
// is over the 16 bytes before it. The first block is the header's. A block of records is a list of
//
//	kind(varint)  length(varint)  message(length)
//
// A process is written before the first event that needs it, ancestors first, and again when a fact of it has changed;
// a container once. Both are referred to by number. A list that the sensor fills is written whole before the first event,
// and again before the first event that saw it changed. The end block says how many events there are and has the checksum of
// all bytes before it, so that what was cut off is noticed, and nothing may follow it.
//
// # What is lost, and what is equal
//
// A recorder that is killed loses the block being filled: all events since the last block that was written, which is
// when an event came a second or more after the block's first, when the block was full, and when the recorder called
// Flush. One that calls Flush each second loses two seconds at most; one that never does loses up to 256 KiB of records
// from before the node fell silent. What was lost with the machine's own death is for the file system to say: nothing
// here waits for the disk.
//
// The same events, lists and flushes give the same bytes. A recording that was never flushed, replayed and recorded
// without flushing, is the same file. One that was flushed gives a file whose blocks end elsewhere, and which reads as
// the same events.
//
// The version counts up only for what an older reader cannot read; it says so and stops. A kind of event, of record or
// of block that it does not know it skips and counts.
package capture

import "errors"

// Version is the newest file format that this package reads, and the one it writes.
const Version = 1

// The errors of a Reader. Each error names the file's offset.
var (
	// ErrNotCapture means that the file is something else.
	ErrNotCapture = errors.New("not a capture")
	// ErrVersion means that a newer Tiercel wrote the file.
	ErrVersion = errors.New("capture is of a newer version")
	// ErrTruncated means that the file ends too early: the sensor died, the disk was full, or a copy was cut. All events
	// before it were read and are good.
	ErrTruncated = errors.New("capture is truncated")
	// ErrCorrupt means that bytes changed after they were written, or follow the end. All events before it were read
	// and are good.
	ErrCorrupt = errors.New("capture is corrupt")
)

// ErrClosed is returned by a Writer that was closed.
var ErrClosed = errors.New("capture is closed")
