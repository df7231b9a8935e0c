package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/event/random"
	"tiercel.dev/rules/field"
)

// A falcoGenerator makes conditions of Falco's, which are right and of which some hold for events of package random.
type falcoGenerator struct{ *rand.Rand }

func pickFalco[T any](g falcoGenerator, of []T) T { return of[g.IntN(len(of))] }

// falcoLists are those that conditions name.
var falcoLists = map[string][]string{
	"shells": {"bash", "sh", "<NA>"}, "dirs": {"/etc", "/usr/b*", "//"}, "none": {}, "ports": {"22", "0x1bb"}, "one": {"cat"},
	"servers": {"10.96.0.1", "2001:db8::1"}, "nets": {"10.0.0.0/8", "2001:db8::/32"}, "calls": {"openat", "connect", "execve"},
	"nested": {"web", "bash", "sh", "<NA>"}, "domains": {"b.example", "none.example"},
}

const falcoListItems = `
- {list: shells, items: [bash, sh, <NA>]}
- {list: dirs, items: [/etc, '/usr/b*', //]}
- {list: none, items: []}
- {list: ports, items: [22, 0x1bb]}
- {list: one, items: [cat]}
- {list: servers, items: ['"10.96.0.1"', '2001:db8::1']}
- {list: nets, items: ['"10.0.0.0/8"', '"2001:db8::/32"']}
- {list: calls, items: [openat, connect, execve]}
- {list: domains, items: ['"b.example"', none.example]}
- {list: nested, items: [web, shells]}
`

// falcoFields are the fields that Falco has and that compare by a type, but for those that are special.
var falcoFields = func() map[field.Type][]string {
	m := map[field.Type][]string{}
	for _, f := range field.All() {
		special := []string{"evt.type", "evt.num", "evt.dir", "evt.buffer", "fd.ip", "fd.port",
			"fd.cip.name", "fd.sip.name", "fd.lip.name", "fd.rip.name"}
		own := strings.HasPrefix(f.Name, "evt.via") || strings.HasPrefix(f.Name, "fd.path") || f.Name == "fd.fspath"
		if !own && !slices.Contains(special, f.Name) && !slices.Contains([]string{"fd.sport", "fd.cport", "fd.lport", "fd.rport"}, f.Name) {
			m[f.Type] = append(m[f.Type], f.Name)
		}
	}
	m[field.Text] = append(m[field.Text], "proc.aname[0]", "proc.aname[1]", "proc.aname[3]", "proc.env[A]", "container.label[app]", "k8s.pod.label[app]", "container.mount.dest[/etc]")
	return m
}()

var falcoWords = append(slices.DeleteFunc(slices.Clone(random.Words), func(s string) bool { return s == "\xff" }), "<NA>", "bas", "/etc", "BASH", "YmFzaA==", "a", `"`, `\`)

// word is a value as it stands in a condition.
func (g falcoGenerator) word() string {
	w := pickFalco(g, falcoWords)
	bare := w != "" && !strings.ContainsAny(w, ` ()"'=,\`)
	if _, isList := falcoLists[w]; bare && !isList && g.IntN(2) == 0 {
		return w
	}
	return quoteFalco(w)
}

func quoteFalco(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func (g falcoGenerator) condition(depth int) string {
	if depth <= 0 {
		return g.leaf()
	}
	d := depth - 1
	switch g.IntN(9) {
	case 0, 1, 2:
		return g.condition(d) + " and " + g.inner(d)
	case 3, 4:
		return g.condition(d) + " or " + g.condition(d)
	case 5, 6:
		return "not " + g.inner(d)
	case 7:
		return "not(" + g.condition(d) + ")"
	}
	return g.leaf()
}

// inner is a condition that may stand behind not and and.
func (g falcoGenerator) inner(depth int) string {
	if g.IntN(2) == 0 {
		return g.leaf()
	}
	return "(" + g.condition(depth) + ")"
}

func (g falcoGenerator) leaf() string {
	switch g.IntN(16) {
	case 0:
		return pickFalco(g, []string{"opens", "in_container", "no_parent", "nothing"})
	case 1:
		return pickFalco(g, slices.Concat(falcoFields[field.Text], falcoFields[field.Int], falcoFields[field.Addr], falcoFields[field.Texts])) + " exists"
	case 2, 3:
		return g.evtType()
	case 4:
		return g.address()
	case 5:
		return g.port()
	case 6:
		return g.number(pickFalco(g, falcoFields[field.Int]), g.integer)
	case 7:
		return pickFalco(g, falcoFields[field.Bool]) + pickFalco(g, []string{" = true", "=false", " != true", " != false", " in (true)", " in (true, false)"})
	case 8:
		return g.number(pickFalco(g, falcoFields[field.Duration]), func() string { return strconv.FormatInt(int64(g.IntN(3))*int64(time.Second), 10) })
	case 9:
		return g.text(pickFalco(g, falcoFields[field.Texts]), false)
	case 10:
		return g.twoFields()
	case 11:
		return g.transformed()
	case 12:
		return "evt.dir " + pickFalco(g, []string{"= <", "=>", "!= <", "in (<, >)"})
	}
	return g.text(pickFalco(g, falcoFields[field.Text]), true)
}

func (g falcoGenerator) evtType() string {
	var names []string
	for k := range event.AllKinds().All() {
		names = append(names, k.Type())
	}
	name := func() string { return pickFalco(g, names) }
	switch g.IntN(5) {
	case 0:
		return "evt.type in (" + name() + ", " + name() + ")"
	case 1:
		return "evt.type in (calls, " + name() + ")"
	case 2:
		return "evt.type != " + name()
	case 3:
		return "evt.type " + pickFalco(g, []string{"startswith open", "contains at", "endswith t", "glob 'o*'"})
	}
	return "evt.type=" + name()
}

func (g falcoGenerator) address() string {
	if g.IntN(4) == 0 {
		name := func() string { return pickFalco(g, []string{"a.example", "b.example", "none.example"}) }
		f := pickFalco(g, []string{"fd.sip.name", "fd.cip.name", "fd.lip.name", "fd.rip.name"})
		return f + pickFalco(g, []string{" = " + name(), " != " + name(), " in (" + name() + ", " + name() + ")", " in (domains)"})
	}
	addr := func() string { return pickFalco(g, random.Addrs) }
	if g.IntN(2) == 0 {
		f := pickFalco(g, append(falcoFields[field.Addr], "fd.ip", "fd.ip"))
		return f + pickFalco(g, []string{" = " + addr(), " != " + addr(), " in (" + addr() + ", " + addr() + ")", " in (servers)", " in ()"})
	}
	nets := []string{`"10.0.0.0/8"`, "10.96.0.0/12", "2001:db8::/32", "127.0.0.0/8", "0.0.0.0/0"}
	net := func() string { return pickFalco(g, nets) }
	f := pickFalco(g, []string{"fd.net", "fd.snet", "fd.cnet", "fd.lnet", "fd.rnet"})
	return f + pickFalco(g, []string{" = " + net(), " != " + net(), " in (" + net() + ", " + net() + ")", " in (nets)"})
}

func (g falcoGenerator) port() string {
	return g.number(pickFalco(g, []string{"fd.port", "fd.sport", "fd.cport", "fd.lport", "fd.rport"}), func() string {
		return pickFalco(g, []string{"22", "443", "6443", "0", "40000", "0x16"})
	})
}

func (g falcoGenerator) integer() string {
	return pickFalco(g, []string{"0", "1", "-1", "3", "22", "0x1bb", "6443", "-115"})
}

func (g falcoGenerator) number(name string, value func() string) string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprintf("%s %s (%s)", name, pickFalco(g, []string{"in", "intersects"}), pickFalco(g, []string{"", value(), value() + ", " + value(), "ports", "ports, " + value()}))
	case 1:
		return fmt.Sprintf("%s %s %s", name, pickFalco(g, []string{"=", "!="}), value())
	}
	return fmt.Sprintf("%s%s%s", name, pickFalco(g, []string{"<", "<=", ">", ">="}), value())
}

// text compares a text; plain ones can be compared with more.
func (g falcoGenerator) text(name string, plain bool) string {
	switch n := g.IntN(12); {
	case n < 3:
		return fmt.Sprintf("%s %s %s", name, pickFalco(g, []string{"=", "!=", "=="}), g.word())
	case n < 5:
		return fmt.Sprintf("%s %s (%s)", name, pickFalco(g, []string{"in", "intersects"}), g.words())
	case n < 8:
		return fmt.Sprintf("%s %s %s", name, pickFalco(g, []string{"contains", "icontains", "startswith", "endswith"}), g.word())
	case n == 8:
		return fmt.Sprintf("%s %s %s", name, pickFalco(g, []string{"glob", "iglob"}), quoteFalco(pickFalco(g, []string{"*", "", "b*", "*s?", "[a-cX]*", "[!b]*", "[", "/etc/*", `a\*b\?[`, "*[]]*", "B*H"})))
	case n == 9:
		return fmt.Sprintf("%s pmatch (%s)", name, pickFalco(g, []string{"/etc", "/", "/usr/*/bash", "dirs", "/etc/shadow, /usr", "/e?c", ""}))
	case n == 10:
		return fmt.Sprintf("%s regex %s", name, quoteFalco(pickFalco(g, []string{"b.*", "[a-c]+", "bash|sh", "", "/etc/.*", "(ba)?sh", "s"})))
	case plain && g.IntN(2) == 0:
		return fmt.Sprintf("%s %s %s", name, pickFalco(g, []string{"bcontains", "bstartswith"}), pickFalco(g, []string{"62", "6173", "ff", "2F657463"}))
	}
	return fmt.Sprintf("%s %s %s (%s)", name, pickFalco(g, []string{"=", "!=", "contains", "startswith", "endswith", "icontains"}), pickFalco(g, []string{"oneof", "anyof", "allof"}), g.words())
}

func (g falcoGenerator) words() string {
	return pickFalco(g, []string{"", g.word(), g.word() + ", " + g.word(), "shells", "none", "nested, " + g.word(), "none, one", `"shells"`})
}

func (g falcoGenerator) twoFields() string {
	if g.IntN(3) == 0 {
		ints := falcoFields[field.Int]
		return fmt.Sprintf("%s %s val(%s)", pickFalco(g, ints), pickFalco(g, []string{"=", "!=", "<", "<=", ">", ">="}), pickFalco(g, ints))
	}
	texts := falcoFields[field.Text]
	return fmt.Sprintf("%s %s val(%s)", pickFalco(g, texts), pickFalco(g, []string{"=", "!=", "contains", "startswith", "endswith", "icontains"}), pickFalco(g, texts))
}

func (g falcoGenerator) transformed() string {
	text := func() string { return pickFalco(g, falcoFields[field.Text]) }
	switch g.IntN(5) {
	case 0:
		return g.number("len("+text()+")", func() string { return strconv.Itoa(g.IntN(6)) })
	case 1:
		return g.text(fmt.Sprintf(`concat(%s, "-", %s)`, text(), text()), true)
	case 2:
		return g.text(fmt.Sprintf(`join("/", (%s, %s))`, text(), text()), true)
	}
	return g.text(fmt.Sprintf("%s(%s)", pickFalco(g, []string{"tolower", "toupper", "basename", "b64"}), text()), true)
}
