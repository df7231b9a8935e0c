package board

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
)

// A Detail is all of an alert or a finding, in sections, for reading.
type Detail struct {
	Why       *Why      `json:"why,omitempty"`
	Processes []Process `json:"processes,omitempty"` // the eldest first, the acting one last
	Sections  []Section `json:"sections"`
	JSON      string    `json:"json"` // indented
}

// Why is the rule that fired, and what it saw.
type Why struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Tags        string `json:"tags"`
	Attack      string `json:"attack"`
	Source      string `json:"source"`
	Condition   string `json:"condition"`
	Changed     bool   `json:"changed"` // the rules in force are others than those that fired
	Fields      []Pair `json:"fields"`
}

// A Section has what is known of one thing.
type Section struct {
	Title string `json:"title"`
	Pairs []Pair `json:"pairs"`
}

// A Pair is a name and its value. Used says of a rule's field that its condition names it.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Used  bool   `json:"used,omitempty"`
}

// A Process is one of a lineage.
type Process struct {
	PID         int32  `json:"pid"`
	Name        string `json:"name"`
	User        string `json:"user"`
	CommandLine string `json:"command_line"`
	Path        string `json:"path"`
	Note        string `json:"note"`
}

// AlertDetail is that of an alert that is kept.
func (b *Board) AlertDetail(id string) (Detail, bool) {
	b.mu.Lock()
	a, ok := b.alerts.get(id)
	infos, set := b.infos, b.about.RuleSet
	b.mu.Unlock()
	if !ok {
		return Detail{}, false
	}
	return Detail{Why: why(a, infos, set), Processes: lineage(a), Sections: sections(a), JSON: indented(alert.JSON(a))}, true
}

func why(a *alert.Alert, infos []rules.Info, set string) *Why {
	r := a.GetRule()
	w := &Why{
		Name: alert.Escape(r.GetName()), Description: alert.Escape(strings.Join(strings.Fields(r.GetDescription()), " ")),
		Tags: alert.Escape(strings.Join(r.GetTags(), ", ")), Attack: alert.Escape(strings.Join(r.GetAttack(), ", ")),
		Changed: r.GetSetHash() != set, Fields: []Pair{},
	}
	var used []string
	if i := slices.IndexFunc(infos, func(i rules.Info) bool { return i.Name == r.GetName() }); i >= 0 {
		w.Condition, w.Source, used = lines(infos[i].Condition), alert.Escape(infos[i].Position.String()), infos[i].Fields
	}
	for _, f := range a.GetFields() {
		w.Fields = append(w.Fields, Pair{alert.Escape(f.GetName()), alert.Escape(value(f)), slices.Contains(used, f.GetName())})
	}
	return w
}

func value(f *alert.Field) string {
	switch f.GetType() {
	case alert.Alert_Field_TEXT:
		return f.GetText()
	case alert.Alert_Field_NUMBER:
		return strconv.FormatInt(f.GetNumber(), 10)
	case alert.Alert_Field_FLAG:
		return strconv.FormatBool(f.GetFlag())
	case alert.Alert_Field_LIST:
		return strings.Join(f.GetList(), ", ")
	}
	return "(none)"
}

func lineage(a *alert.Alert) []Process {
	if a.GetProcess() == nil {
		return nil
	}
	all := []Process{processOf(a.GetProcess())}
	for _, p := range a.GetAncestors() {
		all = append(all, processOf(p))
	}
	slices.Reverse(all)
	return all
}

func processOf(p *alert.Process) Process {
	var notes []string
	for _, n := range []struct {
		is   bool
		text string
	}{
		{p.GetPartial(), "little more is known than the ids"}, {p.GetRepaired(), "partly read from /proc, later"},
		{p.GetExeMemfd(), "executable in memory alone"}, {p.GetExeUpperLayer(), "executable written after its container started"},
		{p.GetRedacted() > 0, fmt.Sprintf("%d secrets redacted", p.GetRedacted())},
	} {
		if n.is {
			notes = append(notes, n.text)
		}
	}
	command := p.GetCommandLine()
	if command == "" {
		command = p.GetName()
	}
	return Process{
		PID: p.GetPid(), Name: alert.Escape(p.GetName()), User: alert.Escape(user(p.GetUserName(), p.GetUserId())), CommandLine: alert.Escape(command),
		Path: alert.Escape(p.GetExePath()), Note: strings.Join(notes, "; "),
	}
}

func user(name string, id uint32) string {
	if name == "" {
		return "uid " + strconv.FormatUint(uint64(id), 10)
	}
	return name
}

// indented sets a message's JSON in lines. What [alert.JSON] escaped stays escaped.
func indented(text []byte, err error) string {
	var b bytes.Buffer
	if err == nil {
		err = json.Indent(&b, text, "", "  ")
	}
	if err != nil {
		return alert.Escape(err.Error())
	}
	return b.String()
}
