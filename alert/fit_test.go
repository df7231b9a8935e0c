package alert

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func TestFitLeavesOrdinaryAlerts(t *testing.T) {
	got := shell()
	Fit(got)
	if !proto.Equal(got, shell()) {
		t.Errorf("changed to %v", got)
	}
}

func TestFitInvalidUTF8(t *testing.T) {
	a := shell()
	a.Process.Args = []string{"a\xffb\xc3", "é"}
	a.Container.Labels = []*Label{{Key: "k\xfe", Value: "v"}}
	Fit(a)
	if got, want := a.Process.Args, []string{"a\ufffdb\ufffd", "é"}; !slices.Equal(got, want) {
		t.Errorf("args %q, want %q", got, want)
	}
	if got := a.Container.Labels[0].Key; got != "k\ufffd" {
		t.Errorf("label %q", got)
	}
	if len(a.Truncated) != 0 {
		t.Errorf("truncated %q, want none", a.Truncated)
	}
}

func TestFitCutsAndSays(t *testing.T) {
	a := shell()
	a.Output = strings.Repeat("é", maxString)
	a.Process.Args = slices.Repeat([]string{"x"}, maxArgs+1)
	for range 40 {
		a.Ancestors = append(a.Ancestors, &Process{Pid: 1, Args: slices.Repeat([]string{"y"}, 2000)})
	}
	Fit(a)
	if !utf8.ValidString(a.Output) || len(a.Output) != maxString {
		t.Errorf("output has %d bytes, valid %v", len(a.Output), utf8.ValidString(a.Output))
	}
	if !a.Process.ArgsTruncated || len(a.Process.Args) != maxArgs {
		t.Errorf("%d arguments, flag %v", len(a.Process.Args), a.Process.ArgsTruncated)
	}
	if len(a.Ancestors) != MaxAncestors || !a.Ancestors[3].ArgsTruncated {
		t.Errorf("%d ancestors, flag %v", len(a.Ancestors), a.Ancestors[3].ArgsTruncated)
	}
	if got, want := a.Truncated, []string{"ancestors", "ancestors.args", "output", "process.args"}; !slices.Equal(got, want) {
		t.Errorf("truncated %q, want %q", got, want)
	}
}

// Every list and string as long as they come, and of bytes that JSON writes six for.
func TestFitBoundsTheWorst(t *testing.T) {
	a := new(Alert)
	bloat(a.ProtoReflect())
	Fit(a)
	for _, e := range []Encoding{EncodingJSON, EncodingBinary} {
		b, err := Marshal(a, e)
		if err != nil || len(b) > MaxSize {
			t.Errorf("%s: %d of at most %d bytes, %v", e, len(b), MaxSize, err)
		}
	}
	fitted := clone(a)
	Fit(a)
	if !proto.Equal(a, fitted) {
		t.Error("fitting twice differs")
	}
}

func bloat(m protoreflect.Message) {
	fill(m, strings.Repeat("\x01", 300))
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if fd.IsList() {
			l := m.Mutable(fd).List()
			for range 298 {
				l.Append(l.Get(0))
			}
		}
	}
	for i := range m.Descriptor().Fields().Len() {
		if fd := m.Descriptor().Fields().Get(i); fd.Message() != nil && !fd.IsList() {
			bloat(m.Mutable(fd).Message())
		}
	}
}
