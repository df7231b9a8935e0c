package probe

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"

	"tiercel.dev/internal/event"
)

// The sizes of the kernel side's tables, and what stands in the table of calls for one that makes another (bpf/maps.h).
const (
	maxCalls       = 512
	maxSocketCalls = 32
	unfolded       = 0xff
)

// continuations are the programs that go on where a handler ends, by their places in bpf/maps.h.
func (o *bpfObjects) continuations() map[uint32]*ebpf.Program {
	return map[uint32]*ebpf.Program{1: o.OnTold, 2: o.OnPassed}
}

// finishers are those that go on with a message that an io_uring received.
func (o *bpfObjects) finishers() map[uint32]*ebpf.Program {
	return map[uint32]*ebpf.Program{1: o.OnUringTold, 2: o.OnUringPassed}
}

// SetFilter changes what leaves the kernel, while events go on: kinds that are Off leave at the first test, those of
// ContainersOnly only if the cgroup is not known to be the host's. Fork, Exec, Exit and cgroup records are always sent.
// With no system call wanted the kernel's system calls are not touched at all. After
// Stop, which it would undo, it returns [ErrClosed]. It is safe for concurrent use.
func (p *Probe) SetFilter(f event.Filter) error {
	if err := (Config{Filter: f}).Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.stopped {
		return ErrClosed
	}
	if !p.overlay && overlayLoaded() {
		p.findOverlay(btf.NewCache())
	}

	// What is added must be in place before a call leads to it; what goes must not be led to any more.
	wanted := wantedCalls(f)
	if err := p.fillHandlers(wanted); err != nil {
		return err
	}
	if err := p.objs.Scopes.Set(scopeTable(f)); err != nil {
		return fmt.Errorf("set scopes: %w", err)
	}
	if err := p.forgetPeers(f); err != nil {
		return err
	}
	if err := p.objs.SocketCalls.Set(socketTable(wanted)); err != nil {
		return fmt.Errorf("set socket calls: %w", err)
	}
	if err := p.objs.Calls.Set(callTable(wanted)); err != nil {
		return fmt.Errorf("set calls: %w", err)
	}
	if err := p.emptyHandlers(wanted); err != nil {
		return err
	}
	return errors.Join(p.attachCalls(!wanted.Empty()), p.rings.want(f.Wanted()))
}

// forgetPeers makes messages to known peers news again if other messages are wanted than before: new rules did not see
// the first ones.
func (p *Probe) forgetPeers(f event.Filter) error {
	changed := false
	for k := range f {
		changed = changed || event.Kind(k).IsMessage() && f[k] != p.filter[k]
	}
	p.filter = f
	if !changed {
		return nil
	}
	p.generation++
	if err := p.objs.PeersGeneration.Set(p.generation); err != nil {
		return fmt.Errorf("set generation of peers: %w", err)
	}
	return nil
}

// wantedCalls are the system calls of f that programs can make on this architecture, be they 32-bit ones.
func wantedCalls(f event.Filter) event.KindSet { return f.Wanted().Intersect(knownCalls) }

var knownCalls = func() (s event.KindSet) {
	for kind := range nativeCalls {
		s.Add(kind)
	}
	for _, kind := range compatCalls {
		s.Add(kind)
	}
	return s
}()

func scopeTable(f event.Filter) (scopes [bpfEventKindEVENT_KINDS]uint8) {
	for k, scope := range f {
		scopes[k] = uint8(scope)
	}
	return scopes
}

// callTable holds, by number, the kind of the native call in the low byte and in the high one that of the 32-bit call.
func callTable(wanted event.KindSet) (calls [maxCalls]uint16) {
	for kind, nr := range nativeCalls {
		if wanted.Has(kind) {
			calls[nr] |= uint16(kind)
		}
	}
	for nr, kind := range compatCalls {
		if wanted.Has(kind) {
			calls[nr] |= uint16(kind) << 8
		}
	}
	if socketTable(wanted) != [maxSocketCalls]uint8{} {
		calls[socketcall] |= unfolded << 8
	}
	return calls
}

// socketTable holds the kinds of what a socketcall can be told to do.
func socketTable(wanted event.KindSet) (calls [maxSocketCalls]uint8) {
	for n, kind := range socketCalls {
		if wanted.Has(kind) {
			calls[n] = uint8(kind)
		}
	}
	return calls
}

func (p *Probe) fillHandlers(wanted event.KindSet) error {
	for kind := range wanted.Minus(p.handled).All() {
		if err := p.objs.Handlers.Put(uint32(kind), p.handlers[kind]); err != nil {
			return fmt.Errorf("set program for %v: %w", kind, err)
		}
		p.handled.Add(kind)
	}
	return nil
}

func (p *Probe) emptyHandlers(wanted event.KindSet) error {
	for kind := range p.handled.Minus(wanted).All() {
		if err := p.objs.Handlers.Delete(uint32(kind)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("remove program for %v: %w", kind, err)
		}
	}
	p.handled = p.handled.Intersect(wanted)
	return nil
}

// attachCalls attaches to sys_exit, which costs every system call of the machine something, or detaches.
func (p *Probe) attachCalls(want bool) (err error) {
	switch {
	case want && p.calls == nil:
		p.calls, err = link.AttachTracing(link.TracingOptions{Program: p.objs.OnSysExit})
		if err != nil {
			return fmt.Errorf("attach to sys_exit: %w", err)
		}
	case !want && p.calls != nil:
		err = p.calls.Close()
		p.calls = nil
	}
	return err
}

// handlers names the program of each system call. Calls that differ only in the order of their arguments share one.
func (o *bpfObjects) handlers() map[event.Kind]*ebpf.Program {
	return map[event.Kind]*ebpf.Program{
		event.Open: o.OnOpen, event.Openat: o.OnOpen, event.Openat2: o.OnOpen, event.Creat: o.OnOpen, event.OpenByHandleAt: o.OnOpenByHandle,
		event.Connect: o.OnConnect, event.Bind: o.OnConnect, event.Listen: o.OnFd,
		event.Socket: o.OnSocket,
		event.Sendto: o.OnMessage, event.Sendmsg: o.OnMessage, event.Sendmmsg: o.OnMessage,
		event.Recvfrom: o.OnMessage, event.Recvmsg: o.OnMessage, event.Recvmmsg: o.OnMessage,
		event.Accept: o.OnNewFd, event.Accept4: o.OnNewFd,
		event.Dup: o.OnNewFd, event.Dup2: o.OnNewFd, event.Dup3: o.OnNewFd, event.Fcntl: o.OnFcntl,
		event.Userfaultfd: o.OnNewFd, event.PidfdGetfd: o.OnNewFd, event.Setns: o.OnFd, event.Ftruncate: o.OnFd,
		event.Ptrace: o.OnNumber, event.Bpf: o.OnNumber, event.Unshare: o.OnNumber, event.Capset: o.OnNumber,
		event.ProcessVMReadv: o.OnNumber, event.ProcessVMWritev: o.OnNumber,
		event.Setuid: o.OnNumber, event.Setreuid: o.OnNumber, event.Setresuid: o.OnNumber,
		event.Setgid: o.OnNumber, event.Setregid: o.OnNumber, event.Setresgid: o.OnNumber,
		event.IoUringSetup: o.OnNumber, event.Kill: o.OnNumber, event.Tkill: o.OnNumber, event.Tgkill: o.OnNumber,
		event.Execve: o.OnPath, event.Execveat: o.OnPath, event.Unlink: o.OnPath, event.Unlinkat: o.OnPath,
		event.Rmdir: o.OnPath, event.Truncate: o.OnPath, event.Umount: o.OnPath, event.Umount2: o.OnPath,
		event.Rename: o.OnRename, event.Renameat: o.OnRename, event.Renameat2: o.OnRename,
		event.Link: o.OnRename, event.Linkat: o.OnRename, event.Symlink: o.OnSymlink, event.Symlinkat: o.OnSymlink,
		event.Chmod: o.OnMode, event.Fchmodat: o.OnMode, event.Fchmodat2: o.OnMode, event.Fchmod: o.OnFd,
		event.Mkdir: o.OnMode, event.Mkdirat: o.OnMode, event.Mknod: o.OnMode, event.Mknodat: o.OnMode,
		event.Mount: o.OnMount, event.Fsopen: o.OnFsopen, event.Fsconfig: o.OnFsconfig, event.Fsmount: o.OnFsmount,
		event.MoveMount: o.OnMoveMount, event.OpenTree: o.OnOpenTree, event.Chroot: o.OnChroot,
		event.InitModule: o.OnInitModule, event.FinitModule: o.OnFinitModule,
	}
}
