package alert

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"
)

// -update writes the samples that have no golden file yet. A golden file is never written again: it stands for the
// messages that programs of its version have published and kept.
var update = flag.Bool("update", false, "write golden files that do not exist yet")

func samples() map[string]*Alert {
	hostile := shell()
	hostile.Output = "a\nb\x1b[31mc\u202ed\u009be"
	hostile.Process.Args = []string{"\x00", "\xff\xfe", strings.Repeat("x", 10000)}
	Fit(hostile)
	host := shell()
	host.Container, host.Pod = nil, nil
	host.Event = &Event{Type: "connect", Result: -115, Failed: true}
	host.Connection = &Connection{Protocol: "tcp", LocalIp: "10.0.0.9", LocalPort: 41000, RemoteIp: "10.1.0.1", RemotePort: 6443,
		AskedIp: "10.96.0.1", AskedPort: 443, Role: Alert_Connection_CLIENT}
	return map[string]*Alert{"shell": shell(), "host_connect": host, "heartbeat": heartbeat(), "hostile": hostile, "full": full(),
		"repaired_bind_mount": repaired(), "heartbeat_losses": losses(), "enriched": full(), "falco_rule": falco()}
}

func TestMain(m *testing.M) {
	flag.Parse()
	if *update {
		if err := writeGolden(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func writeGolden() error {
	dir := fmt.Sprintf("testdata/v%d", Schema)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, a := range samples() {
		for e, ext := range map[Encoding]string{EncodingJSON: ".json", EncodingBinary: ".pb"} {
			b, err := Marshal(a, e)
			if err != nil {
				return err
			}
			if err := writeNew(filepath.Join(dir, name+ext), b); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// Every message ever published in either encoding is still read, both say the same, and writing it again gives the
// same bytes.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/v*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 5 {
		t.Fatalf("have %d golden files: they were deleted, or -update was never run", len(paths))
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "testdata/"), ".json"), func(t *testing.T) {
			fromJSON, text := read(t, path)
			fromBinary, binary := read(t, strings.TrimSuffix(path, ".json")+".pb")
			if d := cmp.Diff(fromJSON, fromBinary, protocmp.Transform()); d != "" {
				t.Errorf("JSON (-) and binary (+) differ:\n%s", d)
			}
			if got, err := Marshal(fromBinary, EncodingJSON); err != nil || !bytes.Equal(got, text) {
				t.Errorf("JSON written again (%v):\n%s\nwas:\n%s", err, got, text)
			}
			if got, err := Marshal(fromJSON, EncodingBinary); err != nil || !bytes.Equal(got, binary) {
				t.Errorf("binary written again (%v):\n%x\nwas:\n%x", err, got, binary)
			}
		})
	}
}

// Each field of the contract stands in a golden file, so that none can change its number, name or type unseen. A new
// field needs a new sample: count up Schema and run with -update.
func TestGoldenCoversContract(t *testing.T) {
	paths, err := filepath.Glob("testdata/v*/*.pb")
	if err != nil {
		t.Fatal(err)
	}
	set := make(map[protoreflect.FullName]bool)
	for _, path := range paths {
		a, _ := read(t, path)
		noteFields(a.ProtoReflect(), set)
	}
	for _, name := range contractFields(new(Alert).ProtoReflect().Descriptor(), nil) {
		if !set[name] {
			t.Errorf("no golden file sets %s", name)
		}
	}
}

func noteFields(m protoreflect.Message, set map[protoreflect.FullName]bool) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		set[fd.FullName()] = true
		if fd.Message() == nil {
			return true
		}
		if !fd.IsList() {
			noteFields(v.Message(), set)
			return true
		}
		for i := range v.List().Len() {
			noteFields(v.List().Get(i).Message(), set)
		}
		return true
	})
}

func contractFields(m protoreflect.MessageDescriptor, names []protoreflect.FullName) []protoreflect.FullName {
	for i := range m.Fields().Len() {
		names = append(names, m.Fields().Get(i).FullName())
	}
	for i := range m.Messages().Len() {
		names = contractFields(m.Messages().Get(i), names)
	}
	return names
}

func read(t *testing.T, path string) (*Alert, []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Unmarshal(b)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return a, b
}

// The schema that Pub/Sub is given: one top-level message, no imports, no oneof, no map.
func TestSchemaIsOneMessage(t *testing.T) {
	file := new(Alert).ProtoReflect().Descriptor().ParentFile()
	if n := file.Messages().Len(); n != 1 {
		t.Errorf("have %d top-level messages, want 1", n)
	}
	if n := file.Imports().Len() + file.Enums().Len() + file.Extensions().Len(); n != 0 {
		t.Errorf("have %d imports, top-level enums and extensions, want none", n)
	}
	checkPlain(t, file.Messages().Get(0))
	if info, err := os.Stat("alert.proto"); err != nil || info.Size() > 300<<10 {
		t.Errorf("alert.proto: %v, or more than the 300 KB that Pub/Sub takes", err)
	}
}

func checkPlain(t *testing.T, m protoreflect.MessageDescriptor) {
	for i := range m.Fields().Len() {
		if fd := m.Fields().Get(i); fd.IsMap() || fd.ContainingOneof() != nil {
			t.Errorf("%s is a map, a oneof or optional", fd.FullName())
		}
	}
	for i := range m.Messages().Len() {
		checkPlain(t, m.Messages().Get(i))
	}
}

// An old reader that hands a newer sensor's message on in binary loses nothing of it; in JSON it reads what it knows.
func TestNewerVersion(t *testing.T) {
	unknown := []byte{0xc2, 0x03, 0x05, 'h', 'e', 'l', 'l', 'o'} // field 56
	b, err := Marshal(shell(), EncodingBinary)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Unmarshal(append(b, unknown...))
	if err != nil {
		t.Fatal(err)
	}
	a.Schema = Schema + 1
	if err := Validate(a); err != nil {
		t.Errorf("a newer version's alert: %v", err)
	}
	again, err := Marshal(a, EncodingBinary)
	if err != nil || !bytes.Contains(again, unknown) {
		t.Errorf("the unknown field is lost (%v): %x", err, again)
	}
	a, err = Unmarshal([]byte(`{"schema":2,"kind":"ALERT","novel":{"x":[1]},"severity":"APOCALYPTIC","rule":{"name":"r","novel":1},"seq":9}`))
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(a, &Alert{Schema: 2, Kind: KindAlert, Rule: &Rule{Name: "r"}, Seq: 9}) {
		t.Errorf("got %v", a)
	}
}
