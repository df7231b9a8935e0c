package falco

import (
	"os"
	"path/filepath"
	"testing"

	"tiercel.dev/rules/source"
)

// upstream reads the rule files that Falco ships.
func upstream(t testing.TB) []source.File {
	t.Helper()
	dir := os.Getenv("TIERCEL_FALCO_RULES")
	if dir == "" {
		t.Skip("TIERCEL_FALCO_RULES is not set: it names a folder with the files of falcosecurity/rules, tags falco-rules-5.1.0, falco-incubating-rules-6.0.1, falco-sandbox-rules-6.1.0")
	}
	var files []source.File
	for _, name := range []string{"falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, source.File{Name: name, Data: data})
	}
	return files
}

func TestUpstreamFilesLoad(t *testing.T) {
	r := Load(upstream(t))
	for _, i := range append(r.Errors, r.Warnings...) {
		t.Error(i)
	}
	t.Log(len(r.Rules), len(r.Macros), len(r.Lists))
}
