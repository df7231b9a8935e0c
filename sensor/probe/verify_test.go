package probe

import (
	"log/slog"
	"reflect"
	"testing"

	"github.com/cilium/ebpf"

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

var _ = slog.Default
var _ event.Kind
