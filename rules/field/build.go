package field

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
)

// A Value is a field of an event to build and what it shall be: Texts for list-valued fields, else Text.
type Value struct {
	Name  string
	Text  string
	Texts []string
}

// A ValueError says which of the values given to [Build] is wrong.
type ValueError struct {
	Index int // into the values
	Err   error
}

func (e *ValueError) Error() string { return e.Err.Error() }
func (e *ValueError) Unwrap() error { return e.Err }

// ErrDerived is wrapped where a value is given for a field that follows from others.
var ErrDerived = errors.New("follows from other fields and can't be given")

// Build makes the event that the values describe; what they do not give has no value, but for what follows from them.
// A kind of event must be given as evt.type. Its errors are ValueErrors.
func Build(values []Value) (*event.Event, error) {
	b := newBuilder()
	if err := b.setKind(values); err != nil {
		return nil, err
	}
	for i, v := range values {
		if err := b.put(v); err != nil {
			return nil, &ValueError{i, fmt.Errorf("%s: %w", v.Name, err)}
		}
	}
	b.finish()
	return b.ev, nil
}

// testUID is the user id behind a user name given for setuid: the event holds numbers.
const testUID = 1000

type builder struct {
	ev        *event.Event
	proc      *event.Process
	container *event.Container

	fd, socket, fdNumSet, retSet bool
	typeSet, uidSet, hostSet     bool
	name, uidName                string
	passedCount                  int64
	client, server               netip.AddrPort
	duration                     time.Duration
	env                          []string
}

func newBuilder() *builder {
	proc := &event.Process{PID: 4711, PPID: 1, VPID: 4711, VPGID: 4711, LoginUID: -1, UpperLayer: event.TriUnknown}
	return &builder{
		proc:      proc,
		container: &event.Container{Metadata: event.MetadataComplete},
		ev: &event.Event{Num: 1, Boot: int64(time.Hour), Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano(), Process: proc,
			Task: event.Task{TGID: 4711, TID: 4711, PPID: 1}},
	}
}

// setKind finds the event's kind, which the meaning of other values depends on.
func (b *builder) setKind(values []Value) error {
	failed := false
	at := -1
	for i, v := range values {
		switch v.Name {
		case "evt.type":
			at = i
		case "evt.res":
			failed = v.Text != "SUCCESS"
		case "evt.rawres":
			failed = strings.HasPrefix(v.Text, "-")
		}
	}
	if at < 0 {
		return &ValueError{-1, errors.New("evt.type is not given")}
	}
	kinds := event.KindsOf(values[at].Text)
	if failed {
		kinds = kinds.Minus(kindSet(event.Exec))
	}
	for k := range kinds.All() {
		b.ev.Kind = k
		return nil
	}
	return &ValueError{at, fmt.Errorf("evt.type: there is no event %q", values[at].Text)}
}

func (b *builder) put(v Value) error {
	f, err := Lookup(v.Name)
	switch {
	case err != nil:
		return err
	case v.Texts != nil && f.sets != nil:
		return f.sets(b, v.Texts)
	case v.Texts != nil:
		return errors.New("has one value, not a list")
	case f.set != nil:
		return f.set(b, v.Text)
	case f.sets != nil:
		return errors.New("takes a list")
	}
	return ErrDerived
}

func (b *builder) setType(v string, of func(fdType) string) error {
	b.fd, b.typeSet = true, true
	return setType(v, &b.ev.FD.Type, of)
}

func setType(v string, at *event.FDType, of func(fdType) string) error {
	for t, known := range fdTypes {
		if of(known) == v && v != "" {
			*at = event.FDType(t)
			return nil
		}
	}
	return fmt.Errorf("%q is no type of descriptor", v)
}

// ancestor returns the process n levels up, making the ones between.
func (b *builder) ancestor(n int) *event.Process {
	p := b.proc
	for i := range n {
		if p.Parent == nil {
			p.Parent = &event.Process{PID: int32(100 - i), LoginUID: -1}
		}
		p = p.Parent
	}
	return p
}

func (b *builder) inPod() *event.Pod {
	if b.container.Pod == nil {
		b.container.Pod = &event.Pod{}
	}
	return b.container.Pod
}

func parse[T any](v string, of func(string) (T, error), at *T) error {
	n, err := of(v)
	if err == nil {
		*at = n
	}
	return err
}

func int64Of(v string) (int64, error) { return strconv.ParseInt(v, 0, 64) }
func int32Of(v string) (int32, error) {
	n, err := strconv.ParseInt(v, 0, 32)
	return int32(n), err
}
func uint64Of(v string) (uint64, error) { return strconv.ParseUint(v, 0, 64) }
func uint32Of(v string) (uint32, error) {
	n, err := strconv.ParseUint(v, 0, 32)
	return uint32(n), err
}
func uint16Of(v string) (uint16, error) {
	n, err := strconv.ParseUint(v, 0, 16)
	return uint16(n), err
}

func boolOf(v string) (bool, error) {
	switch v {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", v)
}

// choice reads one of the words as the value that stands at its place.
func choice[T any](words string, values ...T) func(string) (T, error) {
	return func(v string) (T, error) {
		for i, w := range strings.Fields(words) {
			if w == v {
				return values[i], nil
			}
		}
		var none T
		return none, fmt.Errorf("%q is none of %s", v, words)
	}
}

func parseCaps(v string) (uint64, error) {
	var set uint64
next:
	for name := range strings.FieldsSeq(v) {
		for n, known := range capabilityNames {
			if name == "CAP_"+known {
				set |= 1 << n
				continue next
			}
		}
		return 0, fmt.Errorf("%q is no capability", name)
	}
	return set, nil
}
