package probe

import (
	"bytes"
	"debug/elf"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// programs lists what bpf2go knows, so that none is left out.
func programs(p *Probe) map[string]*ebpf.Program {
	all := map[string]*ebpf.Program{}
	v := reflect.ValueOf(p.objs.bpfPrograms)
	for i := range v.NumField() {
		all[v.Type().Field(i).Tag.Get("ebpf")] = v.Field(i).Interface().(*ebpf.Program)
	}
	return all
}

// maxVerified is far below the kernel's limit of a million instructions: a program near that would be refused by some
// other kernel's verifier, whose pruning differs.
const maxVerified = 50_000

func TestVerifiedInstructions(t *testing.T) { verified(t, all(t).probe) }

func verified(t *testing.T, p *Probe) {
	for name, program := range programs(p) {
		info, err := program.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := info.VerifiedInstructions()
		if !ok {
			t.Log("this kernel does not tell how many instructions it verified (5.16 does)")
			return
		}
		t.Logf("%s: %d", name, n)
		if n > maxVerified {
			t.Errorf("%s: %d instructions verified, more than %d", name, n, maxVerified)
		}
	}
}

// helperSince holds the kernel that brought each helper the programs use, from the kernel's own history.
var helperSince = map[asm.BuiltinFunc][2]int{
	asm.FnMapLookupElem:      {3, 18},
	asm.FnMapUpdateElem:      {3, 18},
	asm.FnMapDeleteElem:      {3, 18},
	asm.FnGetSmpProcessorId:  {4, 1},
	asm.FnTailCall:           {4, 2},
	asm.FnProbeReadUser:      {5, 5},
	asm.FnProbeReadKernel:    {5, 5},
	asm.FnProbeReadUserStr:   {5, 5},
	asm.FnProbeReadKernelStr: {5, 5},
	asm.FnKtimeGetBootNs:     {5, 8},
	asm.FnRingbufOutput:      {5, 8},
	asm.FnRingbufQuery:       {5, 8},
	asm.FnGetCurrentTaskBtf:  {5, 11},
}

// The floor kernel is promised only as far as the programs use nothing that came later.
func TestHelpers(t *testing.T) {
	for arch, object := range objects(t) {
		spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
		if err != nil {
			t.Fatal(err)
		}
		for name, program := range spec.Programs {
			for _, ins := range program.Instructions {
				if ins.IsKfuncCall() && !weak(t, object, ins.Reference()) {
					t.Errorf("%s %s: calls %s also where the kernel has no such function", arch, name, ins.Reference())
				}
				if !ins.IsBuiltinCall() {
					continue
				}
				helper := asm.BuiltinFunc(ins.Constant)
				since, ok := helperSince[helper]
				if !ok {
					t.Errorf("%s %s: %v is not in the table", arch, name, helper)
				} else if since[0] > floorMajor || since[0] == floorMajor && since[1] > floorMinor {
					t.Errorf("%s %s: %v came with %d.%d", arch, name, helper, since[0], since[1])
				}
			}
		}
	}
}

// weak reports whether a program loads without the kernel function. Such a call stands behind a test of direct_reads.
func weak(t *testing.T, object []byte, function string) bool {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == function {
			return elf.ST_BIND(s.Info) == elf.STB_WEAK
		}
	}
	return false
}

// What a kernel before 6.2 does differently gives the same events.
func TestHelperReads(t *testing.T) {
	if kernel, err := btf.LoadKernelSpec(); err == nil && !directReads(kernel) {
		t.Skip("this kernel knows no other reads (6.2 does): every test here shows these")
	}
	l := listen(t, Config{Filter: event.FilterOf(event.AllKinds()), helperReads: true})
	verified(t, l.probe)
	name := filepath.Join(resolved(t, t.TempDir()), "file")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	st := stat(t, name)
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		if _, err := os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	})
	if f := ev.FD; f.Real != name || f.Ino != st.Ino || f.RealStatus != event.PathResolved {
		t.Errorf("%+v", f)
	}
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	to := netip.MustParseAddrPort("127.0.0.1:9")
	sa, n := sockaddr(to)
	ev = l.expect(t, mine(event.Connect, descriptor(fd)), func() { call(t, event.Connect, at(fd), sa, n) })
	if f := ev.FD; f.Remote != to || f.Type != event.FDIPv4 || f.L4 != event.L4UDP {
		t.Errorf("%+v", f)
	}
	ev = l.expect(t, ownExec, func() { run(t, child(t, "nothing")) })
	if exe, _ := os.Readlink("/proc/self/exe"); ev.Exec.ExePath != exe || ev.Exec.VPID == 0 {
		t.Errorf("%+v", ev.Exec)
	}
}

func TestLayout(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Skip(err)
	}
	if err := checkLayout(kernel); err != nil {
		t.Error(err)
	}
	was := neighbours
	defer func() { neighbours = was }()
	neighbours = []struct{ structure, first, second string }{{"dentry", "d_name", "d_parent"}}
	mustFailWith(t, checkLayout(kernel), "struct dentry", "d_parent right behind d_name")
}
