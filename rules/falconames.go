package rules

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/falco/syntax"
)

// falcoNames gives the names of Falco files their names in CEL, each another: Falco's macros and lists may share one, begin
// with any letter and be words of CEL.
type falcoNames struct {
	falcoLists map[string]*falco.List
	macros     map[string]string
	taken      map[string]bool
	made       map[string]*condition.List // by their names in CEL
	byUse      map[listUse]string
	domains    map[string][]string // domain names by the dynamic list of their addresses
	foreign    func(name string) bool
}

// A listUse is a list as one of texts, of numbers, or of the addresses of what it names.
type listUse struct {
	name    string
	of      condition.Elem
	domains bool
}

// newFalcoNames names what rs defines. Names for which foreign is true have another meaning where the conditions are to be
// used, and are avoided; nil is for none.
func newFalcoNames(rs *falco.Ruleset, foreign func(name string) bool) *falcoNames {
	n := &falcoNames{falcoLists: map[string]*falco.List{}, macros: map[string]string{}, made: map[string]*condition.List{},
		byUse: map[listUse]string{}, domains: map[string][]string{}, foreign: foreign}
	n.taken = maps.Clone(reserved)
	n.taken["a"], n.taken["p"] = true, true // variables of exists
	for _, m := range rs.Macros {
		n.macros[m.Name] = n.free(m.Name)
	}
	for _, l := range rs.Lists {
		n.falcoLists[l.Name] = l
	}
	return n
}

// free is the name, or one like it that CEL can have and nothing has yet.
func (n *falcoNames) free(name string) string {
	clean := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, strings.ToLower(name))
	if clean == "" || clean[0] >= '0' && clean[0] <= '9' {
		clean = "_" + clean
	}
	if n.foreign != nil && n.foreign(clean) {
		clean = "falco_" + clean
	}
	free := clean
	for i := 2; n.taken[free]; i++ {
		free = clean + "_" + strconv.Itoa(i)
	}
	n.taken[free] = true
	return free
}

// Macro is part of [translate.Names], and so are the others.
func (n *falcoNames) Macro(name string) (string, bool) {
	cel, ok := n.macros[name]
	return cel, ok
}

func (n *falcoNames) Items(list string) ([]syntax.Value, bool) {
	l, ok := n.falcoLists[list]
	if !ok {
		return nil, false
	}
	return l.Values, true
}

func (n *falcoNames) List(name string, of condition.Elem) string {
	use := listUse{name: name, of: of}
	if cel, ok := n.byUse[use]; ok {
		return cel
	}
	list := &condition.List{Of: of}
	texts := make([]string, len(n.falcoLists[name].Values))
	var ints []int64
	for i, v := range n.falcoLists[name].Values {
		texts[i] = v.Text
		if number, err := strconv.ParseInt(v.Text, 0, 64); err == nil {
			ints = append(ints, number)
		}
	}
	if list.Values = condition.TextValues(texts); of == condition.OfInt {
		list.Values = condition.IntValues(ints)
	}
	return n.define(use, name, list)
}

// Addresses makes a list that the program fills with what the names resolve to. Its name there is the list's of Falco, or the
// names themselves.
func (n *falcoNames) Addresses(list string, names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	key := strings.Join(names, " ")
	use := listUse{name: key, domains: true}
	if cel, ok := n.byUse[use]; ok {
		return cel
	}
	dynamic := list
	if dynamic == "" {
		dynamic = key
	}
	n.domains[dynamic] = names
	return n.define(use, "addresses_of_"+dynamic, &condition.List{Dynamic: dynamic, Values: condition.TextValues(nil)})
}

// lists are those that conditions use, by their names in CEL.
func (n *falcoNames) lists() map[string]*condition.List { return n.made }

func (n *falcoNames) define(use listUse, name string, list *condition.List) string {
	cel := n.free(name)
	n.byUse[use] = cel
	n.made[cel] = list
	return cel
}
