package explain

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tiercel.dev/internal/scc"
)

// tacticNames are ATT&CK's own, in the order of an attack.
var tacticNames = []struct{ id, name string }{
	{"TA0043", "Reconnaissance"}, {"TA0042", "Resource Development"}, {"TA0001", "Initial Access"}, {"TA0002", "Execution"},
	{"TA0003", "Persistence"}, {"TA0004", "Privilege Escalation"}, {"TA0005", "Defense Evasion"}, {"TA0006", "Credential Access"},
	{"TA0007", "Discovery"}, {"TA0008", "Lateral Movement"}, {"TA0009", "Collection"}, {"TA0011", "Command and Control"},
	{"TA0010", "Exfiltration"}, {"TA0040", "Impact"},
}

// Index is a page that leads to those of the rules: by tactic, then by severity and by tag.
func Index(all []*Explanation) string {
	p := &markdown{}
	p.line("%s\n", Mark)
	p.line("# Rules\n")
	p.line("%d rules: by tactic, [by severity](#by-severity), [by tag](#by-tag).\n", len(all))
	p.line("## By tactic\n")
	by := map[string][]*Explanation{}
	for _, e := range all {
		by[firstTactic(e)] = append(by[firstTactic(e)], e)
	}
	for _, tactic := range tacticNames {
		if len(by[tactic.id]) > 0 {
			p.line("### %s\n", tactic.name)
			p.table(by[tactic.id])
		}
	}
	if len(by[""]) > 0 {
		p.line("### Of no tactic\n")
		p.table(by[""])
	}
	p.line("## By severity\n")
	p.groups(all, []string{"CRITICAL", "HIGH", "MEDIUM", "LOW"}, func(e *Explanation) []string { return []string{e.Severity.String()} })
	p.line("## By tag\n")
	tags := map[string]bool{}
	for _, e := range all {
		for _, tag := range e.Tags {
			tags[tag] = true
		}
	}
	p.groups(all, slices.Sorted(maps.Keys(tags)), func(e *Explanation) []string { return e.Tags })
	return p.String()
}

func firstTactic(e *Explanation) string {
	for _, id := range e.Attack {
		if serves := scc.Tactics(id); len(serves) > 0 {
			return serves[0]
		}
	}
	return ""
}

func (p *markdown) table(rules []*Explanation) {
	slices.SortStableFunc(rules, func(x, y *Explanation) int { return cmp.Compare(y.Severity, x.Severity) })
	p.line("| Rule | Severity | Finds |\n|---|---|---|")
	for _, e := range rules {
		p.line("| %s | %s | %s |", link(e), e.Severity, escape(e.Title))
	}
	p.line("")
}

// groups are lists of the rules of which each has one of the names.
func (p *markdown) groups(all []*Explanation, names []string, of func(*Explanation) []string) {
	for _, name := range names {
		var links []string
		for _, e := range all {
			if slices.Contains(of(e), name) {
				links = append(links, link(e))
			}
		}
		if len(links) > 0 {
			p.line("**%s** (%d): %s\n", escape(name), len(links), strings.Join(links, ", "))
		}
	}
}

func link(e *Explanation) string { return "[" + escape(e.Name) + "](" + e.FileName() + ")" }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
