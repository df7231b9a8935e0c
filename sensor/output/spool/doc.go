// Package spool is a bounded queue on disk between the sensor and Pub/Sub. An alert is accepted once it is on disk,
// synced at most some 50 ms after it came; from then on it is delivered at least once, over kill -9, power loss and an
// outage of days, unless the spool is full of what is as severe. Whatever is not delivered is counted, by reason and
// severity, and so exactly that a receiver who counts the gaps in the numbers comes to the same sum (see
// docs/decisions/0002-spool.md for the reasoning and for the cases where the sum is an upper bound).
//
// It knows alerts as bytes with a number and a class of severity. sensor/output/pubsub fills and drains it.
//
// The directory holds one list of segment files per class, so that dropping the least severe is removing a file, which
// needs no space and no rewriting when the disk is full; and two control files, written in place in turn, which say
// what has become of which number. Of the libraries: go.etcd.io/bbolt is sound, but keeps all in one file that never
// shrinks, writes a 4 KiB page tree for each commit, and refuses a file with a flipped byte where we want to lose one
// record; github.com/tidwall/wal has no checksums and refuses a torn tail; neither drops by severity without rewriting.
package spool

import (
	"errors"
	"fmt"
	"time"
)

// Classes is one more than the highest class. Class 0 is for what has no severity.
const Classes = 5

// Why an alert was lost.
const (
	LostFull      = "full"      // the spool was full of what is at least as severe
	LostMemory    = "memory"    // the disk took nothing, or not fast enough, and memory was full of what is as severe
	LostCrash     = "crash"     // numbered, but not on disk when the sensor or the machine died
	LostDamaged   = "damaged"   // was on disk, and could not be read back
	LostDiscarded = "discarded" // taken out by the caller ([Spool.Discard])
	LostClosed    = "closed"    // the sensor stopped while the disk took nothing
	LostUnseen    = "unseen"    // numbered and never put in
)

// ErrLarge means that a record exceeds what a spool holds: [MaxData] bytes.
var ErrLarge = errors.New("record too large for the spool")

// MaxData is the largest record.
const MaxData = maxData

// Config says where and how much. The zero value of a field means its default.
type Config struct {
	Dir          string        // made with mode 0700 if it is not there
	MaxBytes     int64         // on disk; 256 MiB. The control files' 128 KiB come on top
	SegmentBytes int64         // of one file, what is dropped at once when full; MaxBytes/64, in 64 KiB to 4 MiB
	MemoryBytes  int           // waiting to be on disk; 8 MiB. All there is while the disk takes nothing
	CommitDelay  time.Duration // from the first write to the sync; 10 ms, which leaves 40 for the disk
	RetryMin     time.Duration // after the disk failed; 250 ms, then twice as long each time
	RetryMax     time.Duration // 30 s
	Reserve      uint64        // numbers set aside ahead of use; 4096. Without Counter, a crash counts up to so many as lost
	Counter      string        // file on a tmpfs that outlives the process, for an exact count after kill -9; "" for none

	FS FS // stands for Dir in tests

	controlSize int64 // small in tests
}

func (c Config) withDefaults() Config {
	set(&c.MaxBytes, 256<<20)
	set(&c.SegmentBytes, min(max(c.MaxBytes/64, 64<<10), 4<<20))
	set(&c.MemoryBytes, 8<<20)
	set(&c.CommitDelay, 10*time.Millisecond)
	set(&c.RetryMin, 250*time.Millisecond)
	set(&c.RetryMax, 30*time.Second)
	set(&c.Reserve, 4096)
	set(&c.controlSize, controlSize)
	if c.FS == nil {
		c.FS = osFS(c.Dir)
	}
	return c
}

func set[T int | int64 | uint64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// Validate reports the first field that makes no sense.
func (c Config) Validate() error {
	if c.Dir == "" && c.FS == nil {
		return errors.New("setting Dir: empty")
	}
	c = c.withDefaults()
	switch {
	case c.MaxBytes < 256<<10:
		return fmt.Errorf("MaxBytes %d: less than 256 KiB", c.MaxBytes)
	case c.SegmentBytes < 4<<10 || c.SegmentBytes > c.MaxBytes/4:
		return fmt.Errorf("SegmentBytes %d: not between 4 KiB and a quarter of MaxBytes %d", c.SegmentBytes, c.MaxBytes)
	case c.MemoryBytes < 64<<10:
		return fmt.Errorf("MemoryBytes %d: less than 64 KiB", c.MemoryBytes)
	case c.CommitDelay < 0 || c.CommitDelay > 40*time.Millisecond:
		return fmt.Errorf("CommitDelay %v: not between 0 and 40ms", c.CommitDelay)
	case c.RetryMin < 0 || c.RetryMax < c.RetryMin:
		return fmt.Errorf("RetryMin %v, RetryMax %v: not in order", c.RetryMin, c.RetryMax)
	case c.Reserve < 16:
		return fmt.Errorf("setting Reserve %d: less than 16", c.Reserve)
	}
	return nil
}
