package command

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"tiercel.dev/sensor/output"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sensor":  func() { os.Exit(Execute(Root(), os.Args[1:], os.Stdout, os.Stderr)) },
		"tiercel": func() { os.Exit(Execute(operator(), os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// operator stands for cmd/tiercel, which has these commands among others.
func operator() *cobra.Command {
	c := &cobra.Command{Use: "tiercel"}
	c.AddCommand(Sensor(), Record(), Replay())
	return c
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}

// TestHelp: every command explains itself, with an example and the exit codes.
func TestHelp(t *testing.T) {
	for _, c := range operator().Commands() {
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s: short, long or example is missing", c.CommandPath())
		}
		if c.Flags().Lookup("output") != nil && !strings.Contains(c.Long, output.Syntax) {
			t.Errorf("%s: the help does not say what --output takes", c.CommandPath())
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]uint32{"4096": 4096, "512KiB": 512 << 10, "16MiB": 16 << 20, "1GiB": 1 << 30} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "4GiB", "16M", "1e6", "5000000000"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q was taken for %d", text, got)
		}
	}
}

// TestErrorsAreSafe: a file's name in an error is no command to the terminal.
func TestErrorsAreSafe(t *testing.T) {
	var said strings.Builder
	Execute(operator(), []string{"replay", "no\x1b[2J\xff\u202e\\d\n\tü"}, io.Discard, &said)
	if want := `open no\x1b[2J\xff\u202e\d` + "\n\tü: no such file"; !strings.Contains(said.String(), want) {
		t.Errorf("%q does not have %q", said.String(), want)
	}
}
