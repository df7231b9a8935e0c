package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

var update = flag.Bool("update", false, "write the golden files of testdata/records anew")

// records are testdata/records: one real record of each kind, by file.
func records(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/records/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Skip("testdata is not beside the test")
	}
	all := map[string][]byte{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = raw
	}
	return all
}

// Captures outlive releases: these records decode to what they did when they were taken. The files only ever grow.
func TestDecodeRecords(t *testing.T) {
	seen := event.KindSet{}
	for name, raw := range records(t) {
		var ev event.Event
		if err := NewDecoder(1e18).Decode(raw, &ev); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seen.Add(ev.Kind)
		got := describe(&ev)
		golden := strings.TrimSuffix(name, ".bin") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for k := range event.Kind(event.Kinds) {
		if k.Known() && !seen.Has(k) {
			t.Errorf("no record of kind %v", k)
		}
	}
}

// describe prints the fields that are not zero, one a line.
func describe(ev *event.Event) string {
	var b strings.Builder
	describeValue(&b, "", reflect.ValueOf(*ev))
	return b.String()
}

func describeValue(b *strings.Builder, path string, v reflect.Value) {
	switch {
	case v.IsZero():
	case v.Kind() == reflect.Struct && v.Type().PkgPath() == "tiercel.dev/internal/event":
		for i := range v.NumField() {
			describeValue(b, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		for i := range v.Len() {
			describeValue(b, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case v.Kind() == reflect.String || v.Kind() == reflect.Slice:
		fmt.Fprintf(b, "%s %q\n", path[1:], v)
	default:
		fmt.Fprintf(b, "%s %v\n", path[1:], v)
	}
}

// A record that was cut anywhere is truncated, and says so.
func TestDecodeTruncated(t *testing.T) {
	for name, raw := range records(t) {
		d := NewDecoder(0)
		var ev event.Event
		for n := range raw {
			if err := d.Decode(raw[:n], &ev); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: %d of %d bytes: %v", name, n, len(raw), err)
			}
			// The same, with the size that would fit: now the kind's own part or its texts are short.
			short := bytes.Clone(raw[:n])
			if n < int(unsafe.Sizeof(bpfEventHeader{})) {
				continue
			}
			binary.NativeEndian.PutUint32(short[unsafe.Offsetof(bpfEventHeader{}.Size):], uint32(n))
			if err := d.Decode(short, &ev); !errors.Is(err, ErrTruncated) {
				t.Fatalf("%s: %d of %d bytes, and saying so: %v", name, n, len(raw), err)
			}
		}
	}
}

// header makes a record of nothing but a header.
func header(kind uint16, cpu uint16, seq uint64, rest int) []byte {
	raw := make([]byte, int(unsafe.Sizeof(bpfEventHeader{}))+rest)
	h := bpfEventHeader{Kind: kind, Cpu: cpu, Seq: seq, Size: uint32(len(raw)), Tgid: 7}
	copy(raw, unsafe.Slice((*byte)(unsafe.Pointer(&h)), unsafe.Sizeof(h)))
	return raw
}

// A newer version's kind can be skipped: its header is known, and its size.
func TestDecodeUnknownKind(t *testing.T) {
	var ev event.Event
	for _, kind := range []uint16{0, 7, 15, event.Kinds, 65535} {
		err := NewDecoder(0).Decode(header(kind, 0, 0, 40), &ev)
		if !errors.Is(err, ErrUnknownKind) || ev.Task.TGID != 7 {
			t.Errorf("kind %d: %v, %+v", kind, err, ev.Task)
		}
	}
}

func TestDecodeVia(t *testing.T) {
	for wire, want := range map[bpfVia]event.Via{
		bpfViaVIA_SYSCALL: event.ViaSyscall, bpfViaVIA_COMPAT: event.ViaCompat, bpfViaVIA_IO_URING: event.ViaIOUring,
	} {
		raw := header(uint16(event.Exit), 0, 0, 8)
		raw[unsafe.Offsetof(bpfEventHeader{}.Via)] = byte(wire)
		var ev event.Event
		if err := NewDecoder(0).Decode(raw, &ev); err != nil || ev.Via != want {
			t.Errorf("%d: %d, %v", wire, ev.Via, err)
		}
	}
}

func TestSequence(t *testing.T) {
	d := NewDecoder(0)
	var ev event.Event
	for _, step := range []struct {
		cpu  uint16
		seq  uint64
		gaps uint64
	}{
		{0, 0, 0}, {1, 0, 0}, {0, 1, 0}, {0, 5, 3}, {1, 1, 3}, {3, 2, 5}, {3, 3, 5}, {0, 6, 5},
	} {
		_ = d.Decode(header(999, step.cpu, step.seq, 0), &ev)
		if got := d.Gaps(); got != step.gaps {
			t.Errorf("CPU %d, number %d: %d missing, want %d", step.cpu, step.seq, got, step.gaps)
		}
	}
}

// A small number of a CPU again means that the programs were loaded anew: a capture may hold several runs.
func TestSequenceRestart(t *testing.T) {
	d := NewDecoder(0)
	var ev event.Event
	for _, seq := range []uint64{0, 1, 2, 0, 1} {
		_ = d.Decode(header(999, 0, seq, 0), &ev)
	}
	if n := d.Gaps(); n != 0 {
		t.Errorf("%d missing", n)
	}
}

func TestJoin(t *testing.T) {
	for _, test := range []struct{ base, path, want string }{
		{"", "/etc/passwd", "/etc/passwd"},
		{"/home", "/etc//./passwd/", "/etc/passwd"},
		{"/home/user", "file", "/home/user/file"},
		{"/home/user", "../../../../etc/./passwd", "/etc/passwd"},
		{"/", "a", "/a"},
		{"/home/", "", "/home"},
		{"", "/", "/"},
		{"", "/..", "/"},
		{"", "//", "/"},
		{"", "", ""},
		{"", "a/../b", "b"},
		{"", "../b", "b"},
		{"", "..", ""},
		{"/a", "...", "/a/..."},
		{"/a", "..b/.c", "/a/..b/.c"},
	} {
		d := NewDecoder(0)
		d.text = append(d.text, "/kept"...)
		if got := d.join(test.base, test.path); got != test.want {
			t.Errorf("%q and %q: %q, want %q", test.base, test.path, got, test.want)
		}
		if !strings.HasPrefix(string(d.text), "/kept") {
			t.Errorf("%q and %q: reached into other text: %q", test.base, test.path, d.text)
		}
	}
}

// The least that the kernel takes for an address of each family, and what is less.
func TestAsked(t *testing.T) {
	family := func(f uint16, rest ...byte) []byte { return append(binary.NativeEndian.AppendUint16(nil, f), rest...) }
	for _, test := range []struct {
		sa   []byte
		want event.FD
	}{
		{family(familyUnix, 's'), event.FD{Unix: "s"}},
		{family(familyUnix, 's', 0, 'x'), event.FD{Unix: "s"}},
		{family(familyUnix, 0, 's'), event.FD{Unix: "@s"}},
		{family(familyUnix), event.FD{}},
		{family(familyIPv4, 1, 187, 10, 0, 0, 1), event.FD{Asked: netip.MustParseAddrPort("10.0.0.1:443")}},
		{family(familyIPv4, 1, 187, 10, 0, 0), event.FD{}},
		{family(familyIPv4), event.FD{}},
		{family(familyIPv6, 1, 187), event.FD{}},
		{[]byte{1}, event.FD{}},
		{nil, event.FD{}},
	} {
		var fd event.FD
		NewDecoder(0).asked(test.sa, &fd)
		if fd != test.want {
			t.Errorf("%q: %+v, want %+v", test.sa, fd, test.want)
		}
	}
}

func TestWritable(t *testing.T) {
	const owner, group = 1000, 100
	for _, test := range []struct {
		uid, gid uint32
		caps     uint64
		mode     uint32
		readOnly bool
		want     bool
	}{
		{owner, group, 0, 0o755, false, true},
		{owner, group, 0, 0o577, false, false},
		{1, group, 0, 0o775, false, true},
		{1, group, 0, 0o757, false, false},
		{1, 1, 0, 0o777, false, true},
		{1, 1, 0, 0o775, false, false},
		{0, 0, 0, 0o755, false, false},
		{0, 0, 1 << capDACOverride, 0o555, false, true},
		{0, 0, 1 << capDACOverride, 0o777, true, false},
	} {
		v := bpfExecEvent{Owner: owner, Group: group}
		v.Exe.Mode = test.mode
		if test.readOnly {
			v.Flags = uint8(bpfExecFlagEXEC_READ_ONLY)
		}
		task := event.Task{UID: test.uid, GID: test.gid, Caps: event.Caps{Effective: test.caps}}
		if got := writable(&v, &task); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// Decoding allocates nothing, whatever the kind; but what an io_uring begins is held until it ends.
func TestDecodeAllocations(t *testing.T) {
	for name, raw := range records(t) {
		if filepath.Base(name) == "operation_begun.bin" {
			continue
		}
		d := NewDecoder(0)
		var ev event.Event
		allocs := testing.AllocsPerRun(100, func() {
			if err := d.Decode(raw, &ev); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// The record is not changed: it may be on its way into a capture.
func TestDecodeLeavesRecord(t *testing.T) {
	for name, raw := range records(t) {
		before := bytes.Clone(raw)
		var ev event.Event
		if err := NewDecoder(0).Decode(raw, &ev); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, raw) {
			t.Errorf("%s: changed", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, raw := range records(f) {
		f.Add(raw)
	}
	f.Add([]byte{})
	d := NewDecoder(0)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var ev event.Event
		err := d.Decode(raw, &ev)
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrUnknownKind) {
			t.Fatalf("undocumented error: %v", err)
		}
		if err == nil && !ev.Kind.Visible() && ev.Kind > event.Operation {
			t.Fatalf("decoded kind %d", ev.Kind)
		}
		for _, p := range []event.Path{ev.FD.Path, ev.Args.Path, ev.Args.NewPath} {
			if strings.HasPrefix(p.Raw, "/") && !strings.HasPrefix(p.Name, "/") && p.Name != "" {
				t.Fatalf("%q became %q", p.Raw, p.Name)
			}
		}
		_ = ev.Clone()
	})
}

func BenchmarkDecode(b *testing.B) {
	for name, raw := range records(b) {
		b.Run(strings.TrimSuffix(filepath.Base(name), ".bin"), func(b *testing.B) {
			d := NewDecoder(0)
			var ev event.Event
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(raw, &ev); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
