package terraform

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const securityPage = "../../docs/security.md"

// docs/security.md lists every grant of infra/, with everything switched on, and the reason that stands there; and none besides.
// With UPDATE set the page is given them.
func TestSecurityPageListsEveryGrant(t *testing.T) {
	page := readFile(t, securityPage)
	for mark, rows := range map[string][]string{"functions": functionRows(t), "others": otherRows(t), "build": buildRows(t)} {
		begin, end := "<!-- grants: "+mark+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(page, begin)
		have, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			t.Fatalf("the page has no place for %s", mark)
		}
		if len(rows) < 5 {
			t.Errorf("%s: %d rows", mark, len(rows))
		}
		want := strings.Join(rows, "\n") + "\n"
		if os.Getenv("UPDATE") != "" {
			page = before + begin + want + end + after
		} else if have != want {
			t.Errorf("%s: the page says otherwise (run with UPDATE=1):\n%s", mark, want)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(securityPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func row(cells ...string) string {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// functionRows are what each function may do, from the output that shows it to who applies.
func functionRows(t *testing.T) []string {
	t.Helper()
	d := deployments(t)["everything"]
	_, outputs, err := Plan(d.dir, googleSchema(t), d.vars, made)
	if err != nil {
		t.Fatal(err)
	}
	rows := []string{"| function | may | since it |", "|---|---|---|"}
	functions := outputs["roles"].AsValueMap()
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		may := functions[name].AsValueMap()
		for _, what := range slices.Sorted(maps.Keys(may)) {
			rows = append(rows, row("`tiercel-"+strings.ReplaceAll(name, "_", "-")+"`", "`"+strings.ReplaceAll(what, "p-1-", "PROJECT-")+"`", may[what].AsString()))
		}
	}
	return rows
}

// otherRows are grants to whoever is no function: each resource that grants, with the reason over it.
func otherRows(t *testing.T) []string {
	t.Helper()
	rows := []string{"| grant | role | since |", "|---|---|---|"}
	for _, dir := range []string{root, root + "/scc-source", root + "/organization-reader"} {
		m, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.SortedFunc(maps.Keys(m.Resources), cmp.Compare) {
			b := m.Resources[name]
			if !strings.HasSuffix(b.Labels[0], "_iam_member") {
				continue
			}
			text, lines := readFile(t, b.TypeRange.Filename), []string(nil)
			lines = strings.Split(text, "\n")
			reason := ""
			for n := b.TypeRange.Start.Line - 2; n >= 0 && strings.HasPrefix(lines[n], "#"); n-- {
				reason = strings.TrimSpace(strings.TrimPrefix(lines[n], "#") + " " + reason)
				if r, ok := strings.CutPrefix(reason, "reason: "); ok {
					reason = r
					break
				}
			}
			role := regexp.MustCompile(`role\s*=\s*"?([^"\n]+)`).FindStringSubmatch(text[b.TypeRange.Start.Byte:])
			if role == nil {
				t.Fatalf("%s: no role", name)
			}
			rows = append(rows, row(fmt.Sprintf("`%s`", name), "`"+role[1]+"`", reason))
		}
	}
	return rows
}

// buildRows are the roles of the build's account.
func buildRows(t *testing.T) []string {
	t.Helper()
	rows := []string{"| `tiercel-build` holds | since it |", "|---|---|"}
	for line := range strings.Lines(readFile(t, "../../scripts/bootstrap-roles")) {
		if role, reason, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && strings.HasPrefix(role, "roles/") {
			rows = append(rows, row("`"+role+"`", reason))
		}
	}
	return rows
}
