package condition

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	c, err := NewCompiler(NewLists())
	if err != nil {
		t.Fatal(err)
	}
	lists := map[string]*List{
		"dirs": {Values: TextValues([]string{"/bin", "/sbin"})},
		"fill": {Values: TextValues([]string{"/never"}), Dynamic: "fill"},
	}
	if err := c.DefineLists(lists); err != nil {
		t.Fatal(err)
	}
	cond, issues := c.Compile(`(fd.name.startsWith("/etc/") || fd.directory in dirs || fd.name in fill || "/run/x" == fd.name) &&
		!(fd.name in ["/a", "/b"]) && fd.name.pmatch(dirs) && fd.num == 3 && fd.name == proc.name && "/c".startsWith(fd.name)`)
	if cond == nil {
		t.Fatal(issues)
	}
	want := []Word{
		{"fd.name", "/etc/", false}, {"fd.directory", "/bin", true}, {"fd.directory", "/sbin", true}, {"fd.name", "/run/x", true},
		{"fd.name", "/a", true}, {"fd.name", "/b", true}, {"fd.name", "/bin", false}, {"fd.name", "/sbin", false},
	}
	order := func(a, b Word) int {
		return slices.Compare([]string{a.Field, a.Text}, []string{b.Field, b.Text})
	}
	got := cond.Words()
	slices.SortStableFunc(got, order)
	slices.SortStableFunc(want, order)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
