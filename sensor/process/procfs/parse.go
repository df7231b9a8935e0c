package procfs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"tiercel.dev/internal/event"
)

// pids picks the numbers out of the names in /proc.
func pids(names []string) []int32 {
	var found []int32
	for _, name := range names {
		if pid, err := strconv.ParseInt(name, 10, 32); err == nil && pid > 0 {
			found = append(found, int32(pid))
		}
	}
	slices.Sort(found)
	return found
}

// stat is the part of /proc/PID/stat that is used; proc_pid_stat(5) numbers its fields.
type stat struct {
	comm       string
	state      byte
	ppid       int32
	pgid, sid  int32
	tty        uint32
	flags      uint64
	threads    int64
	startTicks int64
}

// parseStat reads the line from both ends: the name in it is the process's to choose, unescaped, and may hold blanks,
// newlines and parentheses; no field behind it can.
func parseStat(line []byte) (stat, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open || end+2 > len(line) {
		return stat{}, fmt.Errorf("stat %q: no name: %w", clip(line), ErrMalformed)
	}
	const first, last = 3, 22 // numbers of the first field behind the name and of the last that is used
	fields := bytes.Fields(line[end+1:])
	if len(fields) <= last-first || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("stat %q: %d fields: %w", clip(line), len(fields), ErrMalformed)
	}
	var bad error
	number := func(field int) int64 {
		n, err := strconv.ParseInt(string(fields[field-first]), 10, 64)
		if err != nil {
			bad = fmt.Errorf("stat %q: field %d: %w", clip(line), field, ErrMalformed)
		}
		return n
	}
	s := stat{
		comm: string(line[open+1 : end]), state: fields[0][0], ppid: int32(number(4)), pgid: int32(number(5)),
		sid: int32(number(6)), tty: uint32(number(7)), flags: uint64(number(9)), threads: number(20), startTicks: number(22),
	}
	return s, bad
}

// dead reports whether no thread is left: a leader that ended before its threads is a zombie too, but counts them.
func (s stat) dead() bool {
	return (s.state == 'Z' || s.state == 'X' || s.state == 'x') && s.threads <= 1
}

// status is the part of /proc/PID/status that is used.
type status struct {
	uid, gid    uint32
	vpid, vpgid int32
	caps        event.Caps
}

// parseStatus reads "Key:\tvalues" lines. The kernel escapes the one value that a process chooses, Name.
func parseStatus(text []byte) (status, error) {
	var s status
	seen := 0
	for line := range bytes.Lines(text) {
		key, value, _ := bytes.Cut(line, []byte{':'})
		used, err := s.set(string(key), value)
		if err != nil {
			return status{}, fmt.Errorf("status line %q: %w", clip(line), ErrMalformed)
		}
		if used {
			seen++
		}
	}
	const wanted = 7
	if seen < wanted {
		return status{}, fmt.Errorf("status has %d of %d lines: %w", seen, wanted, ErrMalformed)
	}
	return s, nil
}

func (s *status) set(key string, value []byte) (used bool, err error) {
	const effective = 1 // "Uid: real effective saved filesystem"
	switch key {
	case "Uid", "Gid", "NSpid", "NSpgid", "CapInh", "CapPrm", "CapEff":
	default:
		return false, nil
	}
	words := bytes.Fields(value)
	if len(words) == 0 {
		return false, ErrMalformed
	}
	switch key {
	case "Uid", "Gid":
		if len(words) <= effective {
			return false, ErrMalformed
		}
		id, err := strconv.ParseUint(string(words[effective]), 10, 32)
		if key == "Uid" {
			s.uid = uint32(id)
		} else {
			s.gid = uint32(id)
		}
		return true, err
	case "NSpid", "NSpgid": // one number for each nested namespace, the innermost last
		id, err := strconv.ParseInt(string(words[len(words)-1]), 10, 32)
		if key == "NSpid" {
			s.vpid = int32(id)
		} else {
			s.vpgid = int32(id)
		}
		return true, err
	case "CapInh":
		s.caps.Inheritable, err = strconv.ParseUint(string(words[0]), 16, 64)
	case "CapPrm":
		s.caps.Permitted, err = strconv.ParseUint(string(words[0]), 16, 64)
	case "CapEff":
		s.caps.Effective, err = strconv.ParseUint(string(words[0]), 16, 64)
	}
	return true, err
}

// clip shortens untrusted text for a message.
func clip(text []byte) []byte {
	const enough = 80
	return text[:min(len(text), enough)]
}
