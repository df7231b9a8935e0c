package alert

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// contract has a line for each field and each value of an enum that there ever was. It only grows: what is taken out of alert.proto
// stays here, so that its number is never given to something else, which old messages and old readers would take for what it was.
const contract = "testdata/contract.txt"

// numbered are the lines of today's contract.
func numbered(m protoreflect.MessageDescriptor) (lines []string) {
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		kind := f.Kind().String()
		if f.Message() != nil {
			kind = string(f.Message().FullName())
		} else if f.Enum() != nil {
			kind = string(f.Enum().FullName())
		}
		lines = append(lines, fmt.Sprintf("%s %d %s %s", m.FullName(), f.Number(), f.Name(), strings.TrimSpace(f.Cardinality().String()+" "+kind)))
	}
	for i := range m.Enums().Len() {
		e := m.Enums().Get(i)
		for j := range e.Values().Len() {
			lines = append(lines, fmt.Sprintf("%s %d %s value", e.FullName(), e.Values().Get(j).Number(), e.Values().Get(j).Name()))
		}
	}
	for i := range m.Messages().Len() {
		lines = append(lines, numbered(m.Messages().Get(i))...)
	}
	return lines
}

func TestNumbersAreNeverGivenAgain(t *testing.T) {
	text, err := os.ReadFile(contract)
	if err != nil && !*update {
		t.Fatal(err)
	}
	ever := make(map[string]string) // by message or enum, and number
	names := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		ever[f[0]+" "+f[1]], names[f[0]+" "+f[2]] = strings.TrimSpace(line), f[1]
	}
	var lacking []string
	for _, line := range numbered(new(Alert).ProtoReflect().Descriptor()) {
		f := strings.Fields(line)
		switch was, is := ever[f[0]+" "+f[1]], names[f[0]+" "+f[2]]; {
		case was == "" && is == "":
			lacking = append(lacking, line)
		case was != line:
			t.Errorf("%s: once it was %q (its name had the number %q)", line, was, is)
		}
	}
	if len(lacking) > 0 && !*update {
		t.Errorf("new in the contract: run with -update to note\n%s", strings.Join(lacking, "\n"))
	}
	if len(lacking) > 0 && *update && !t.Failed() {
		all := append(strings.Split(strings.TrimSpace(string(text)), "\n"), lacking...)
		all = slices.DeleteFunc(all, func(line string) bool { return line == "" })
		if err := os.WriteFile(contract, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
