package main

import (
	"fmt"
	"strings"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

// A page is text as it grows.
type page struct {
	strings.Builder
	look  style
	width int
}

const indent = "  "

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) section(title string) {
	p.WriteByte('\n')
	if title != "" {
		p.line("%s", p.look.bold(title))
	}
}

// text is prose, which is filled.
func (p *page) text(s string) {
	if s = strings.TrimSpace(s); s != "" {
		p.line("%s", legible.Fill(legible.Printable(s), indent, p.width))
	}
}

// code is a condition.
func (p *page) code(s string) {
	for _, line := range legible.Layout(legible.Printable(legible.OneLine(s)), indent, "", p.width) {
		p.line("%s", line)
	}
}

// hang is a word and what it means below it.
func (p *page) hang(word, meaning string) {
	p.line("%s%s", indent, legible.Printable(word))
	p.line("%s", legible.Fill(legible.Printable(meaning), indent+"    ", p.width))
}

// kernel says what leaves the kernel for the rule, and what does although it asks for less.
func (p *page) kernel(set *rules.Set, r *rules.Rule) {
	everywhere, inContainers := scopes(r.Filter())
	if !everywhere.Empty() {
		p.text(kindNames(everywhere) + ": of the host and of containers.")
	}
	var filtered, shared event.KindSet
	for k := range inContainers.All() {
		if set.Filter()[k].Where() == event.All {
			shared.Add(k)
		} else {
			filtered.Add(k)
		}
	}
	if !filtered.Empty() {
		p.text(kindNames(filtered) + ": of containers alone. No rule in force looks at those of the host: they do not leave the kernel.")
	}
	if !shared.Empty() {
		p.text(kindNames(shared) + ": of containers alone. Those of the host leave the kernel too, for other rules: " + wanting(set, shared) + ".")
	}
	p.messages(r)
}

// messages says how many of the messages leave the kernel, which may be hundreds of thousands a second.
func (p *page) messages(r *rules.Rule) {
	var every, news, data event.KindSet
	for k, scope := range r.Filter() {
		switch k := event.Kind(k); {
		case !k.IsMessage() || scope == event.Off:
			continue
		case scope&event.EveryMessage != 0:
			every.Add(k)
		default:
			news.Add(k)
		}
		if scope&event.Data != 0 {
			data.Add(event.Kind(k))
		}
	}
	if !every.Empty() {
		p.text(kindNames(every) + ": every message. With fd.name_changed, or fd.passed_count > 0, only those that tell something new would leave the kernel.")
	}
	if !news.Empty() {
		p.text(kindNames(news) + ": a socket's first message to each new address, and those that bring descriptors.")
	}
	if !data.Empty() {
		p.text(kindNames(data) + ": with the first 80 bytes of what was sent or received.")
	}
}

// wanting names the rules in force for which kinds leave the kernel on the host.
func wanting(set *rules.Set, kinds event.KindSet) string {
	var names []string
	for _, r := range set.Rules() {
		if everywhere, _ := scopes(r.Filter()); r.Enabled && !everywhere.Intersect(kinds).Empty() {
			names = append(names, r.Name)
		}
	}
	if len(names) > 3 {
		names = append(names[:2], fmt.Sprintf("%d more", len(names)-2))
	}
	return strings.Join(names, ", ")
}

// kindNames are the names of the calls; exec and a failed execve are two kinds of one name.
func kindNames(kinds event.KindSet) string {
	var names []string
	failed := kinds.Has(event.Execve) && !kinds.Has(event.Exec)
	for k := range kinds.All() {
		switch {
		case k == event.Execve && kinds.Has(event.Exec):
		case k == event.Exec && !kinds.Has(event.Execve):
			names = append(names, "execve that succeeded")
		case k == event.Execve && failed:
			names = append(names, "execve that failed")
		default:
			names = append(names, k.Type())
		}
	}
	return strings.Join(names, ", ")
}
