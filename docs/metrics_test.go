package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ofFleet are rules about sensors, whose names begin as metrics' do.
var ofFleet = []string{"tiercel_sensor_missing", "tiercel_sensor_losing", "tiercel_sensor_rules_stale", "tiercel_sensor_outdated"}

// What pages, the dashboard, policies and manifests call a metric has a row in metrics.md, which is compared with the code.
func TestMetricsAreThose(t *testing.T) {
	page, err := os.ReadFile("metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, rule := range ofFleet {
		known[rule] = true
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(tiercel_\\w+)` \\|").FindAllStringSubmatch(string(page), -1) {
		known[row[1]] = true
	}
	queried, name := 0, regexp.MustCompile(`tiercel_(sensor|functions)_\w*[a-z]`)
	for _, dir := range []string{".", "../infra", "../README.md", "../scripts"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".go") {
				return err
			}
			text, err := os.ReadFile(path)
			for _, n := range name.FindAllString(string(text), -1) {
				if !known[n] && !known[strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(n, "_bucket"), "_sum"), "_count")] {
					t.Errorf("%s names %s, which metrics.md does not have", path, n)
				}
				if filepath.Ext(path) == ".tf" {
					queried++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if queried < 3 || len(known) < 40 {
		t.Errorf("%d names in infra/, %d in metrics.md", queried, len(known))
	}
}
