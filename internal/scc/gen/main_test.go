package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is committed is what the table says.
func TestGenerated(t *testing.T) {
	out := filepath.Join(t.TempDir(), "table.go")
	if err := run("../attack.tsv", out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../attack_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("attack_table.go is not of attack.tsv: go generate ./internal/scc")
	}
}

func TestWrongTables(t *testing.T) {
	whole, err := os.ReadFile("../attack.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ old, new, want string }{
		"a word that the API lacks":     {"T1059.004\tUNIX_SHELL", "T1059.004\tUNIX_SHELLS", "T1059.004: the API has no UNIX_SHELLS"},
		"a word of the API without id":  {"T1059.004\tUNIX_SHELL", "T1059.004\t-", "UNIX_SHELL of the API has no id"},
		"a word twice":                  {"T1059.006\tPYTHON", "T1059.006\tUNIX_SHELL", "UNIX_SHELL is T1059.004"},
		"an id twice":                   {"T1059.006\tPYTHON", "T1059.004\tPYTHON", "T1059.004 is in it twice"},
		"a tactic that there is not":    {"\tTA0011\n", "\tTA0099\n", "serves TA0099, which is no tactic"},
		"no id":                         {"T1059.004\t", "T1059.4\t", "is no id"},
		"a line that is short":          {"T1059.004\tUNIX_SHELL\t-", "T1059.004\tUNIX_SHELL", "is no id, word and tactics"},
		"a technique among the tactics": {"TA0002\tEXECUTION", "TA0002\tUNIX_SHELL", "TA0002: the API has no UNIX_SHELL"},
	} {
		in := filepath.Join(t.TempDir(), "attack.tsv")
		changed := strings.Replace(string(whole), tt.old, tt.new, 1)
		if changed == string(whole) {
			t.Fatalf("%s: %q is not in the table", name, tt.old)
		}
		if err := os.WriteFile(in, []byte(changed), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := run(in, filepath.Join(t.TempDir(), "x.go")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
