// Package docs has the tests that keep the pages beside it true: what they link to is there, what they cite exists, what they
// show runs.
package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

const root = ".."

// pages are the Markdown pages of the project, by their path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 2 && d.Name()[0] == '.' || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		all[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// prose is a page without its fenced blocks, in which a bracket is no link.
func prose(page string) string {
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if !fenced {
			b.WriteString(line)
		}
	}
	return b.String()
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

// Whoever follows a link of these pages finds a file, and the heading in it.
func TestLinks(t *testing.T) {
	all, followed := pages(t), 0
	for path, page := range all {
		for _, m := range link.FindAllStringSubmatch(prose(page), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			followed++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(filepath.Dir(path), file)
			if file == "" {
				target = path
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			} else if anchor != "" && filepath.Ext(target) == ".md" && !anchors(all[target])[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", path, m[1], target)
			}
		}
	}
	if followed < 100 {
		t.Errorf("%d links found", followed)
	}
}

// anchors are what GitHub makes of headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(prose(page), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, m[1])
		all[anchor] = true
	}
	return all
}

// cited is a test as pages name it: `internal/push.TestForms`, or `infra/kubernetes.TestX/subtest`.
var cited = regexp.MustCompile("`([a-z0-9/_-]+)\\.((?:Test|Fuzz|Example)[A-Z]\\w*)(?:/[^`]*)?`")

// A page that says what holds something names a test that there is.
func TestCitedTests(t *testing.T) {
	functions := map[string]map[string]bool{}
	count := map[string]int{}
	for path, page := range pages(t) {
		for _, m := range cited.FindAllStringSubmatch(page, -1) {
			dir := m[1]
			if functions[dir] == nil {
				functions[dir] = testsOf(t, dir)
			}
			if !functions[dir][m[2]] {
				t.Errorf("%s cites %s.%s, which is not there", path, dir, m[2])
			}
			count[path]++
		}
	}
	if count["docs/security.md"] < 60 {
		t.Errorf("docs/security.md cites %d tests: are they written as `package.TestName`?", count["docs/security.md"])
	}
}

// testsOf are the names of a folder's tests.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = true
		}
	}
	return names
}
