package probe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"tiercel.dev/internal/event"
)

// maxOpcodes is the size of the kernel side's table of io_uring operations.
const maxOpcodes = 128

// opcodes holds the kind of each io_uring operation that does what a system call does (uapi/linux/io_uring.h).
var opcodes = map[uint8]event.Kind{
	9: event.Sendmsg, 26: event.Sendto, 47: event.Sendto, 48: event.Sendmsg, 10: event.Recvmsg, 27: event.Recvfrom,
	45: event.Socket, 13: event.Accept4, 16: event.Connect, 54: event.Dup, 56: event.Bind, 57: event.Listen,
	18: event.Openat, 28: event.Openat2, 35: event.Renameat2, 36: event.Unlinkat,
	37: event.Mkdirat, 38: event.Symlinkat, 39: event.Linkat,
}

// starters names the program that sees an operation of each kind begin.
func (o *bpfObjects) starters() map[event.Kind]*ebpf.Program {
	return map[event.Kind]*ebpf.Program{
		event.Socket: o.OnUringNewSocket, event.Sendto: o.OnUringSend, event.Sendmsg: o.OnUringSend,
		event.Recvfrom: o.OnUringReceive, event.Recvmsg: o.OnUringReceive,
		event.Accept4: o.OnUringAccept, event.Dup: o.OnUringDup,
		event.Connect: o.OnUringSocket, event.Bind: o.OnUringSocket, event.Listen: o.OnUringSocket,
		event.Openat: o.OnUringOpen, event.Openat2: o.OnUringOpen,
		event.Renameat2: o.OnUringRename, event.Unlinkat: o.OnUringUnlink,
		event.Mkdirat: o.OnUringMkdir, event.Symlinkat: o.OnUringLink, event.Linkat: o.OnUringLink,
	}
}

// rings are the programs that see operations of io_uring. The zero value sees none.
type rings struct {
	objs   *bpfObjects
	seen   bool // the kernel shows them
	wanted event.KindSet
	links  map[*ebpf.Program]link.Link
}

// uringTypes are the kernel's types that the programs read, on every kernel that has a known form of the tracepoints.
var uringTypes = []string{"io_kiocb", "io_ring_ctx", "io_file_table", "io_accept", "io_socket", "io_sr_msg", "io_async_msghdr", "io_connect", "io_open", "io_unlink", "io_rename", "io_mkdir", "io_link"}

// configure picks the tracepoints of this kernel. Where it shows no operations, the programs are replaced by an empty one:
// one of a tracepoint that is not there does not load. The error says why a kernel that has io_uring does not show it.
func (r *rings) configure(spec *ebpf.CollectionSpec, kernel *btf.Spec) error {
	submit, err := submitTracepoint(kernel)
	r.seen = submit != "" && err == nil
	for name, program := range spec.Programs {
		switch {
		case !strings.HasPrefix(name, "on_uring_"):
		case !r.seen:
			program.AttachTo = "sys_exit"
			program.Instructions = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}
		case program.AttachTo == "io_uring_submit_req":
			program.AttachTo = submit
		}
	}
	if !r.seen {
		return err
	}
	var apart uint32
	if structAt(tracepoint(kernel, "io_uring_complete"), 3) == "io_uring_cqe" {
		apart = 1
	}
	return errors.Join(spec.Variables["own_creds"].Set(credsFlag(kernel)), spec.Variables["result_apart"].Set(apart))
}

// submitTracepoint returns the name of the tracepoint at which a request is ready: io_uring_submit_sqe to 6.2, and
// io_uring_submit_req after. It is "" on a kernel without io_uring.
func submitTracepoint(kernel *btf.Spec) (string, error) {
	var name string
	for _, name = range []string{"io_uring_submit_req", "io_uring_submit_sqe", ""} {
		if name == "" {
			return "", nil
		}
		if params := tracepoint(kernel, name); params != nil {
			if s := structAt(params, 1); s != "io_kiocb" {
				return "", fmt.Errorf("kernel's tracepoint %s: its first argument is no request", name)
			}
			break
		}
	}
	// The request: a pointer to something, in this place since 5.19.
	complete := tracepoint(kernel, "io_uring_complete")
	if len(complete) < 3 {
		return "", errors.New("kernel's tracepoint io_uring_complete: too few arguments")
	}
	if _, ok := btf.UnderlyingType(complete[2].Type).(*btf.Pointer); !ok {
		return "", errors.New("kernel's tracepoint io_uring_complete: its second argument is no request")
	}
	for _, name := range uringTypes {
		var s *btf.Struct
		if err := kernel.TypeByName(name, &s); err != nil {
			return "", fmt.Errorf("kernel's struct %s: %w", name, err)
		}
	}
	return name, nil
}

// tracepoint returns the parameters of a tracepoint's program, of which the first is its own; nil if there is none.
func tracepoint(kernel *btf.Spec, name string) []btf.FuncParam {
	var def *btf.Typedef
	if kernel.TypeByName("btf_trace_"+name, &def) != nil {
		return nil
	}
	pointer, ok := def.Type.(*btf.Pointer)
	if !ok {
		return nil
	}
	proto, ok := pointer.Target.(*btf.FuncProto)
	if !ok {
		return nil
	}
	return proto.Params
}

// structAt names the struct that the parameter points to.
func structAt(params []btf.FuncParam, n int) string {
	if n >= len(params) {
		return ""
	}
	pointer, ok := btf.UnderlyingType(params[n].Type).(*btf.Pointer)
	if !ok {
		return ""
	}
	s, ok := btf.UnderlyingType(pointer.Target).(*btf.Struct)
	if !ok {
		return ""
	}
	return s.Name
}

// credsFlag is the flag of a request that has credentials of its own; 0 if it is not found. Its enum has no name, but
// stands near the type of a request: looking at all of the kernel's types would take half a second.
func credsFlag(kernel *btf.Spec) uint32 {
	const near = 200
	var request *btf.Struct
	if kernel.TypeByName("io_kiocb", &request) != nil {
		return 0
	}
	id, err := kernel.TypeID(request)
	if err != nil {
		return 0
	}
	for distance := range btf.TypeID(near) {
		for _, at := range []btf.TypeID{id + distance, id - min(id, distance)} {
			if flag := credsFlagAt(kernel, at); flag != 0 {
				return flag
			}
		}
	}
	return 0
}

// credsFlagAt looks at one type: the bits have an enum and the flags have one, and either may be the near one.
func credsFlagAt(kernel *btf.Spec, id btf.TypeID) uint32 {
	t, err := kernel.TypeByID(id)
	if err != nil {
		return 0
	}
	enum, ok := t.(*btf.Enum)
	if !ok {
		return 0
	}
	for _, v := range enum.Values {
		switch v.Name {
		case "REQ_F_CREDS":
			return uint32(v.Value)
		case "REQ_F_CREDS_BIT":
			return 1 << v.Value
		}
	}
	return 0
}

// want has the operations of those kinds reported. With none of them wanted, requests are not touched at all.
func (r *rings) want(kinds event.KindSet) error {
	if !r.seen {
		return nil
	}
	starters := r.objs.starters()
	var table [maxOpcodes]uint8
	var wanted event.KindSet
	for opcode, kind := range opcodes {
		if !kinds.Has(kind) {
			continue
		}
		if err := r.objs.Starters.Put(uint32(kind), starters[kind]); err != nil {
			return fmt.Errorf("set program for operations of %v: %w", kind, err)
		}
		table[opcode] = uint8(kind)
		wanted.Add(kind)
	}
	if err := r.objs.Operations.Set(table); err != nil {
		return fmt.Errorf("set operations: %w", err)
	}
	for kind := range r.wanted.Minus(wanted).All() {
		if err := r.objs.Starters.Delete(uint32(kind)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("remove program for operations of %v: %w", kind, err)
		}
	}
	r.wanted = wanted
	if wanted.Empty() {
		return r.detach(always)
	}
	return r.attach()
}

// attach attaches what those operations need, and nothing else. It begins with the ends, so that none is missed of an
// operation whose beginning was seen.
func (r *rings) attach() error {
	programs := []*ebpf.Program{r.objs.OnUringComplete, r.objs.OnUringSubmit}
	if r.wanted.Has(event.Recvfrom) || r.wanted.Has(event.Recvmsg) {
		programs = append([]*ebpf.Program{r.objs.OnUringReceived}, programs...)
	}
	if r.wanted.Has(event.Accept4) {
		programs = append([]*ebpf.Program{r.objs.OnUringAccepted, r.objs.OnUringOverflow}, programs...)
	}
	for _, program := range programs {
		if r.links[program] != nil {
			continue
		}
		l, err := link.AttachTracing(link.TracingOptions{Program: program})
		if err != nil {
			return fmt.Errorf("attach %v: %w", program, err)
		}
		r.links[program] = l
	}
	return r.detach(func(program *ebpf.Program) bool { return !slices.Contains(programs, program) })
}

func (r *rings) detach(whether func(*ebpf.Program) bool) error {
	var errs []error
	for program, l := range r.links {
		if whether(program) {
			errs = append(errs, l.Close())
			delete(r.links, program)
		}
	}
	return errors.Join(errs...)
}

func always(*ebpf.Program) bool { return true }

// programs is how many are attached, or are called by one that is.
func (r *rings) programs() int {
	if len(r.links) == 0 {
		return 0
	}
	starters, distinct := r.objs.starters(), map[*ebpf.Program]bool{}
	for kind := range r.wanted.All() {
		distinct[starters[kind]] = true
	}
	return len(r.links) + len(distinct)
}
