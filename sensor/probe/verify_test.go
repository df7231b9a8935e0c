package probe

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
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

func TestVerifiedInstructions(t *testing.T) {
	p := open(t, Config{})
	for name, program := range programs(p) {
		info, err := program.Info()
		if err != nil {
			t.Fatal(err)
		}
		n, ok := info.VerifiedInstructions()
		if !ok {
			t.Skip("this kernel does not tell how many instructions it verified (5.16 does)")
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
				if ins.IsKfuncCall() {
					t.Errorf("%s %s: calls a kernel function, %v: none is older than 5.18", arch, name, ins)
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
