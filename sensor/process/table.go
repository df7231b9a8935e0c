// Package process is the process table: who runs on this machine, with which image, credentials and lineage. The one
// goroutine that reads records applies each of them; the table learns from it, and notices by the facts that every
// record carries when a record was lost, repairing itself from /proc.
//
// A process is its number and its start time, so that a number used again is another process. The table does not know
// containers: sensor/container fills what it finds in the processes.
package process

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

// A Source tells what the kernel knows of processes, for those that no record described. [procfs.FS] is one; a replay
// has another. Answers about a process that is gone are errors that match [procfs.ErrGone]. Its methods are called from
// several goroutines; the answers of Image and Names are waited for no longer than Config.ReadTimeout.
type Source interface {
	Clock() (boot, epoch int64)
	PIDs() ([]int32, error)
	Process(pid int32) (procfs.Facts, error)
	Image(pid int32, start int64) (procfs.Image, error)
	Names(pid int32, in procfs.Database) (procfs.Names, error)
}

// Config bounds the table. Memory is at most about MaxProcesses × 700 bytes and MaxTextBytes.
type Config struct {
	ProcRoot     string        // where the host's procfs is mounted; default /proc
	Environment  bool          // read and keep environments, of which [Table.KeepEnvironment] may leave out most; default false
	MaxProcesses int           // entries, exited ones among them; default 65536
	MaxTextBytes int64         // bytes of arguments, paths and environments, shared ones once; default 32 MiB
	MaxExited    int           // exited processes kept for late records and as ancestors; default 4096
	ExitedFor    time.Duration // how long they are kept, by the clock of the records; default 15 s
	ReadTimeout  time.Duration // longest wait for a read that a process can stall; default 50 ms
	Source       Source        // default: procfs at ProcRoot
}

const (
	defaultProcesses   = 65536
	defaultTextBytes   = 32 << 20
	defaultExited      = 4096
	defaultExitedFor   = 15 * time.Second
	defaultReadTimeout = 50 * time.Millisecond
)

// Validate names the field that cannot be used. Zero stands for the default everywhere.
func (c Config) Validate() error {
	switch {
	case c.MaxProcesses < 0 || 0 < c.MaxProcesses && c.MaxProcesses < 64:
		return fmt.Errorf("MaxProcesses: %d is less than 64", c.MaxProcesses)
	case c.MaxTextBytes < 0 || 0 < c.MaxTextBytes && c.MaxTextBytes < 64<<10:
		return fmt.Errorf("MaxTextBytes: %d is less than 64 KiB", c.MaxTextBytes)
	case c.MaxExited < 0:
		return fmt.Errorf("MaxExited: %d is negative", c.MaxExited)
	case c.ExitedFor < 0:
		return fmt.Errorf("ExitedFor: %v is negative", c.ExitedFor)
	case c.ReadTimeout < 0:
		return fmt.Errorf("ReadTimeout: %v is negative", c.ReadTimeout)
	}
	if err := c.procfs().Validate(); err != nil {
		return err
	}
	return nil
}

func (c Config) procfs() procfs.Config {
	return procfs.Config{ProcRoot: c.ProcRoot, Environment: c.Environment}
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxProcesses, defaultProcesses)
	setDefault(&c.MaxTextBytes, defaultTextBytes)
	setDefault(&c.MaxExited, defaultExited)
	setDefault(&c.ExitedFor, defaultExitedFor)
	setDefault(&c.ReadTimeout, defaultReadTimeout)
	if c.Source == nil {
		c.Source = procfs.New(c.procfs())
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A Table is owned by the goroutine that calls Apply; Scan, Stats and Check may be called from others.
type Table struct {
	cfg    Config
	source Source
	guard  *guard
	names  *names

	byPID  map[int32]*entry // the youngest process of each number; older ones hang behind it
	exited queue
	text   texts
	pidns  map[uint64]int64 // start of each pid namespace's init, ns since boot
	idle   event.Process    // the kernel itself, which has no entry: number 0

	now    int64 // ns since boot: the record being applied
	offset int64 // from there to the epoch; 0 while unknown
	began  int64 // ns since boot: processes that started later must have been seen to; 0 before the first scan

	reconcileAt int64
	unblockAt   int64 // ns since boot: when the next read that was blocked may be tried again
	scan        scans
	count       counters
}

// New makes an empty table. Call Check to know whether /proc can serve; one of another pid namespace is not used.
func New(cfg Config) *Table {
	cfg = cfg.withDefaults()
	if err := check(cfg.Source); errors.Is(err, procfs.ErrPIDNamespace) {
		cfg.Source = foreign{cfg.Source, err}
	}
	t := &Table{
		cfg: cfg, source: cfg.Source, byPID: make(map[int32]*entry), text: newTexts(), pidns: make(map[uint64]int64),
	}
	if cfg.Environment {
		t.KeepEnvironment(true, nil)
	}
	t.guard = newGuard(cfg.ReadTimeout, &t.count.blocked)
	t.names = newNames(cfg.Source, t.guard, namesPerSecond, &t.count.unnamed)
	return t
}

// Check reports why the processes of this machine cannot be read, and what to do about it. Without /proc the table still
// works, but knows of a process only what its records tell.
func (t *Table) Check() error { return check(t.source) }

// counters are written by the goroutine that calls Apply, and read by any.
type counters struct {
	live, exited, text                    atomic.Int64
	repaired, partial, unreadable         atomic.Uint64
	missedForks, missedExecs, missedExits atomic.Uint64
	reparented, reused, evicted, pruned   atomic.Uint64
	blocked, unnamed                      atomic.Uint64
}

// Stats are the table's size now and what befell it since it was made.
type Stats struct {
	Live, Exited int64 // processes held, those just scanned among them
	TextBytes    int64 // of their arguments, paths and environments

	Repaired    uint64 // processes or images read from /proc after a record was lost
	Partial     uint64 // processes of which only the facts in their records are known: gone before /proc was read
	Unreadable  uint64 // reads of /proc that failed for another reason than that
	MissedForks uint64 // processes whose fork record was lost
	MissedExecs uint64 // images whose exec record was lost
	MissedExits uint64 // processes found to be gone without an exit record
	Reparented  uint64 // processes that got another parent
	PIDReused   uint64 // numbers that another process took while the older one was still held
	Evicted     uint64 // live processes forgotten at a limit of Config
	Blocked     uint64 // reads given up: the process, or a container's files, made the reader wait
	Unnamed     uint64 // users and groups shown without a name, since too many files of names were read that second
}

// Stats may be called from any goroutine.
func (t *Table) Stats() Stats {
	c := &t.count
	return Stats{
		Live: c.live.Load() + t.scan.queued.Load(), Exited: c.exited.Load(), TextBytes: c.text.Load(),
		Repaired: c.repaired.Load(), Partial: c.partial.Load(), Unreadable: c.unreadable.Load(),
		MissedForks: c.missedForks.Load(), MissedExecs: c.missedExecs.Load(), MissedExits: c.missedExits.Load(),
		Reparented: c.reparented.Load(), PIDReused: c.reused.Load(), Evicted: c.evicted.Load(), Blocked: c.blocked.Load(),
		Unnamed: c.unnamed.Load(),
	}
}
