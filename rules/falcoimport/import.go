// Package falcoimport writes native rule files that mean what Falco's do, for people to read and go on with: macros and
// lists stay what they are, comments stay, and each file of Falco's becomes one. cmd/tiercel is its caller; what the
// conditions become is decided in package rules.
package falcoimport

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"tiercel.dev/rules"
	"tiercel.dev/rules/falco"
)

// A File is a native rule file.
type File struct {
	Name  string // within the folder that is written to
	Data  []byte
	From  string // the Falco file
	Rules int
}

// Import translates Falco files that are loaded together. Names for which taken is true are defined elsewhere and are
// avoided. A file of which nothing holds, since later ones define it all anew, has no data. The error is that of
// [rules.Load].
func Import(files []rules.Source, opt rules.FalcoOptions, taken func(name string) bool) ([]File, rules.Errors, error) {
	native, set, err := rules.ToNative(files, opt, taken)
	if err != nil {
		return nil, nil, err
	}
	defined := definitions(files)
	names := map[string]bool{}
	var out []File
	for _, f := range files {
		w := writer{file: f, native: native, defined: defined}
		w.write()
		out = append(out, File{Name: fileName(f.Name, names), Data: w.data(), From: f.Name, Rules: w.rules})
	}
	return out, set.Warnings(), nil
}

// fileName is the Falco file's, unless another has it already or it is that of a tests file.
func fileName(from string, taken map[string]bool) string {
	base := strings.TrimSuffix(strings.TrimSuffix(path.Base(from), ".yml"), ".yaml")
	if rules.IsTest(base + ".yaml") {
		base += "_rules"
	}
	name := base + ".yaml"
	for i := 2; taken[name]; i++ {
		name = fmt.Sprintf("%s_%d.yaml", base, i)
	}
	taken[name] = true
	return name
}

// definitions are the names of files that define an item, by what kind it is and its name.
func definitions(files []rules.Source) map[string][]string {
	out := map[string][]string{}
	for _, f := range files {
		rs := falco.Load([]rules.Source{f})
		for _, l := range rs.Lists {
			out["list "+l.Name] = append(out["list "+l.Name], f.Name)
		}
		for _, m := range rs.Macros {
			out["macro "+m.Name] = append(out["macro "+m.Name], f.Name)
		}
		for _, r := range rs.Rules {
			out["rule "+r.Name] = append(out["rule "+r.Name], f.Name)
		}
	}
	return out
}

// A writer makes one file.
type writer struct {
	file    rules.Source
	native  *rules.Native
	defined map[string][]string

	out      bytes.Buffer
	rules    int
	items    int
	comments map[string]int // how often each line of comment was written
}

func (w *writer) write() {
	w.comments = map[string]int{}
	w.section("lists", w.lists)
	w.section("macros", w.macros)
	w.section("rules", w.allRules)
}

func (w *writer) section(name string, write func()) {
	before := w.out.Len()
	items := w.items
	fmt.Fprintf(&w.out, "%s:\n", name)
	if write(); w.items == items {
		w.out.Truncate(before)
		return
	}
	w.out.WriteByte('\n')
}

// data is the file with its head and foot; nil if nothing of it holds.
func (w *writer) data() []byte {
	if w.items == 0 {
		return nil
	}
	var head, foot bytes.Buffer
	leading, others := w.leftComments()
	for _, line := range leading {
		fmt.Fprintln(&head, line)
	}
	if len(leading) > 0 {
		fmt.Fprintln(&head)
	}
	fmt.Fprintf(&head, "# Written by tiercel rules import from Falco's %s.\n", path.Base(w.file.Name))
	w.replaced(&head)
	fmt.Fprintln(&head)
	if len(others) > 0 {
		fmt.Fprintln(&foot, "\n# Comments of the Falco file that stood by none of these:")
		for _, line := range others {
			fmt.Fprintln(&foot, line)
		}
	}
	return slices.Concat(head.Bytes(), bytes.TrimRight(w.out.Bytes(), "\n"), []byte("\n"), foot.Bytes())
}

// replaced says which definitions of the file do not hold.
func (w *writer) replaced(head *bytes.Buffer) {
	holds := map[string]string{}
	for _, l := range w.native.Lists {
		if l.Falco != nil {
			holds["list "+l.Falco.Name] = l.Falco.Position.File
		}
	}
	for _, m := range w.native.Macros {
		holds["macro "+m.Falco.Name] = m.Falco.Position.File
	}
	for _, r := range w.native.Rules {
		holds["rule "+r.Falco.Name] = r.Falco.Position.File
	}
	by := map[string][]string{}
	for item, files := range w.defined {
		if in := holds[item]; in != w.file.Name && in != "" && slices.Contains(files, w.file.Name) {
			by[in] = append(by[in], item)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(by)) {
		items := by[file]
		slices.Sort(items)
		fmt.Fprintf(head, "# %s defines anew, for all rules, what Falco's file has under these names, so that the two are loaded together:\n", path.Base(file))
		for _, line := range fold(strings.Join(items, ", "), lineWidth-4) {
			fmt.Fprintf(head, "#   %s\n", line)
		}
	}
}

// leftComments are the lines of comments that no item has: those at the head of the file, and others.
func (w *writer) leftComments() (leading, others []string) {
	written := maps.Clone(w.comments)
	head := true
	for line := range strings.Lines(string(w.file.Data)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			if head && len(leading) > 0 && leading[len(leading)-1] != "" {
				leading = append(leading, "")
			}
			continue
		case line[0] != '#':
			head = head && strings.HasPrefix(line, "---")
			continue
		case written[line] > 0:
			written[line]--
			continue
		case head:
			leading = append(leading, line)
		default:
			others = append(others, line)
		}
	}
	for len(leading) > 0 && leading[len(leading)-1] == "" {
		leading = leading[:len(leading)-1]
	}
	return leading, others
}
