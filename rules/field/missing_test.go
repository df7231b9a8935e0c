package field

import (
	"math/rand/v2"
	"testing"
	"time"

	"tiercel.dev/internal/event/random"
)

// TestMissingReadsAsZero has what conditions rely on: where a getter says that there is no value, it returns the zero value.
func TestMissingReadsAsZero(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := rand.New(rand.NewPCG(seed, 0))
	fields := All()
	for _, name := range []string{"proc.aname[0]", "proc.aname[2]", "proc.apid[1]", "proc.env[A]", "container.label[app]", "k8s.pod.label[app]", "container.mount.dest[/etc]"} {
		f, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, f)
	}
	told := map[string]bool{}
	for range 2000 {
		ev := random.Event(g)
		for _, f := range fields {
			value, ok := f.Value(ev)
			zero := false
			switch v := value.(type) {
			case nil:
				zero = true
			case []string:
				zero = len(v) == 0
			case []int64:
				zero = len(v) == 0
			default:
				zero = v == "" || v == int64(0) || v == false || v == time.Duration(0)
			}
			if !ok && !zero && !told[f.Name] {
				told[f.Name] = true
				t.Errorf("%s has no value and reads as %v", f.Name, value)
			}
		}
	}
}
