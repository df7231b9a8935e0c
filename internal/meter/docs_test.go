package meter

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page has each family as it is, and no other.
func TestPageHasEachFamily(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	have, want := map[string]string{}, map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `("+prefix+"\\w+)` \\| (\\w+) \\| ([^|]*)\\|").FindAllStringSubmatch(string(page), -1) {
		have[row[1]] = row[2] + " " + strings.NewReplacer("`", "", " ", "").Replace(row[3])
	}
	for _, f := range Families {
		var labels []string
		for _, l := range f.Labels {
			labels = append(labels, l.Name)
		}
		want[f.Metric()] = string(f.Kind) + " " + strings.Join(labels, ",")
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("types and labels (-code +page):\n%s", d)
	}
}
