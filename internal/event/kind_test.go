package event

import (
	"slices"
	"testing"
)

func TestKindSet(t *testing.T) {
	var a, b KindSet
	for _, k := range []Kind{Exec, 63, 64, 127} {
		a.Add(k)
	}
	b.Add(64)
	b.Add(Openat)
	if got, want := slices.Collect(a.All()), []Kind{Exec, 63, 64, 127}; !slices.Equal(got, want) {
		t.Errorf("All: %d, want %d", got, want)
	}
	for k := range a.All() {
		if k == 64 {
			break // All stops where it is told to
		}
	}
	for _, test := range []struct {
		name string
		got  KindSet
		want []Kind
	}{
		{"union", a.Union(b), []Kind{Exec, Openat, 63, 64, 127}},
		{"intersect", a.Intersect(b), []Kind{64}},
		{"minus", a.Minus(b), []Kind{Exec, 63, 127}},
		{"nothing", a.Minus(a), nil},
	} {
		if got := slices.Collect(test.got.All()); !slices.Equal(got, test.want) || test.got.Len() != len(test.want) || test.got.Empty() != (len(test.want) == 0) {
			t.Errorf("%s: %d (%d), want %d", test.name, got, test.got.Len(), test.want)
		}
	}
	for k := range 256 {
		if want := slices.Contains([]int{int(Exec), 63, 64, 127}, k); a.Has(Kind(k)) != want {
			t.Errorf("Has(%d): %v", k, !want)
		}
	}
}

// A number without a name is no kind yet, wherever it stands between those that are.
func TestSpareKinds(t *testing.T) {
	for k := range 256 {
		k := Kind(k)
		named := int(k) < len(typeNames) && typeNames[k] != ""
		if k.Known() != named || k.Visible() && !named || k.IsSyscall() && (!named || k < Execve) || AllKinds().Has(k) != k.Visible() {
			t.Errorf("%d: known %v, visible %v, call %v", k, k.Known(), k.Visible(), k.IsSyscall())
		}
	}
}
