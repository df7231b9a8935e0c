package event

// A Process is one process image as the table knows it. The table owns it and changes it as events come; it is safe to
// read until the next event is applied. [Process.Clone] makes a copy that stays.
type Process struct {
	PID                int32
	PPID               int32
	Start              int64 // ns since boot: with PID the identity of the process
	StartTime          int64 // the same in ns since the epoch; 0 if unknown
	ExecID             uint64
	Name               string   // comm of the main thread, at most 15 bytes
	Exe                string   // argv[0]
	ExePath            string   // resolved by the kernel; "memfd:NAME" for a memfd
	Args               []string // argv[1:]
	ArgsText           string   // Args joined by single blanks
	CmdLine            string   // Name, and ArgsText behind a blank if there are any
	Env                []string
	ArgsTruncated      bool
	CWD                string // ends in "/"
	TTY                uint32
	SID, PGID          int32
	VPID, VPGID        int32
	SessionName        string // comm of the session's leader
	UID, GID           uint32 // effective
	UserName           string // "<NA>" if unknown
	GroupName          string // "<NA>" if unknown
	LoginUID           int32  // -1 if unset
	LoginName          string // "<NA>" if unknown
	SessionID          int32
	Caps               Caps
	UpperLayer         Tri
	Memfd              bool
	Writable           bool
	Chrooted           bool // when the image was executed, as OtherMount
	OtherMount         bool
	ExeIno             uint64
	ExeCtime, ExeMtime int64 // ns since the epoch
	PIDNSStart         int64 // ns since the epoch; 0 if unknown
	Exited             bool
	Repaired           bool // parts were read from /proc after an event was lost
	Partial            bool // only the ids in the event's record are known

	// Redacted counts the secrets replaced in Args, CmdLine and Env of a copy; 0 in the table.
	Redacted int

	CgroupID    uint64
	ContainerID string // full id from the cgroup's path; "" on the host

	// Parent is nil where it is not known, and for pid 1 and kernel threads' parent.
	Parent *Process
}

// MaxAncestors bounds every walk along Parent, so that a cycle made by lost events cannot hang a reader.
const MaxAncestors = 64

// Ancestor returns the process n levels up (0 is p itself), or nil if the chain is shorter.
func (p *Process) Ancestor(n int) *Process {
	if n < 0 || n > MaxAncestors {
		return nil
	}
	for ; n > 0 && p != nil; n-- {
		p = p.Parent
	}
	return p
}

// Clone copies p and its ancestors, so that neither later events nor the caller's changes touch the other's.
func (p *Process) Clone() *Process {
	if p == nil {
		return nil
	}
	head := new(Process)
	last := head
	for from, n := p, 0; ; n++ {
		*last = *from
		from = from.Parent
		last.Parent = nil
		if from == nil || n == MaxAncestors {
			return head
		}
		last.Parent = new(Process)
		last = last.Parent
	}
}
