package rules

import (
	"slices"
	"strings"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/falco/translate"
	"tiercel.dev/rules/source"
)

// A FalcoRule is what a rule has that comes from a Falco file.
type FalcoRule struct {
	Priority falco.Priority
	Source   string // of events: syscall, the only one there is
}

// ruleText translates a rule's condition, and tells what is wrong with it and with the macros that it uses. ok is false if
// the rule can't be loaded, or is to be left out because it names a field that there is not.
func (l *falcoLoading) ruleText(r *falco.Rule) (text translate.Text, ok bool) {
	text, issues := l.translate(r.Condition)
	used := l.uses(r.Condition.Macros(), nil)
	unknown := slices.ContainsFunc(issues, isUnknown)
	for _, m := range used {
		unknown = unknown || slices.ContainsFunc(m.issues, isUnknown)
	}
	if unknown && r.SkipUnknown {
		l.warn(r, falco.UnknownFilter, "the rule is left out: its condition names a field that there is not")
		return text, false
	}
	ok = l.tell("rule "+source.Quote(r.Name), r.Condition, issues)
	for _, m := range used {
		if m.told {
			ok = ok && !m.bad()
			continue
		}
		m.told = true
		ok = l.tell("macro "+source.Quote(m.Name), m.Condition, m.issues) && ok
	}
	return text, ok
}

func isUnknown(i translate.Issue) bool { return i.Unknown }

func (m *falcoMacro) bad() bool {
	return slices.ContainsFunc(m.issues, func(i translate.Issue) bool { return !i.Warning })
}

// uses are the macros named, and those that they name in turn.
func (l *falcoLoading) uses(names []string, into []*falcoMacro) []*falcoMacro {
	for _, name := range names {
		if m := l.macros[name]; m != nil && !slices.Contains(into, m) {
			into = l.uses(m.Condition.Macros(), append(into, m))
		}
	}
	return into
}

// tell reports the issues of a condition, and whether it can be used all the same.
func (l *falcoLoading) tell(item string, c *falco.Condition, issues []translate.Issue) bool {
	ok := true
	for _, i := range issues {
		e := falcoError(c.Issue(i.Offset, falco.Code(i.Code), item, i.Message))
		if i.Warning {
			l.set.warnings = append(l.set.warnings, e)
			continue
		}
		if ok = false; i.Undefined {
			continue // told when the files were read
		}
		*l.errs = append(*l.errs, e)
	}
	return ok
}

// compiled reports what the compiler says of a translated condition.
func (l *falcoLoading) compiled(item string, c *falco.Condition, text translate.Text, issues []condition.Issue) {
	for _, i := range issues {
		code := falco.CompileCondition
		if i.Warning {
			code = falco.ConditionWarning
		}
		l.tell(item, c, []translate.Issue{{Offset: text.At(i.Offset), Code: string(code), Message: i.Message, Warning: i.Warning}})
	}
}

func (l *falcoLoading) warn(r *falco.Rule, code falco.Code, message string) {
	l.tell("rule "+source.Quote(r.Name), r.Condition, []translate.Issue{{Code: string(code), Message: message, Warning: true}})
}

func (l *falcoLoading) defineMacros() {
	texts, byName := map[string]string{}, map[string]*falcoMacro{}
	for name, m := range l.macros {
		cel := l.names.macros[name]
		byName[cel] = m
		if texts[cel] = m.text.CEL; m.bad() {
			texts[cel] = "false"
		}
	}
	for name, issues := range l.compiler.DefineMacros(texts) {
		l.compiled("macro "+source.Quote(byName[name].Name), byName[name].Condition, byName[name].text, issues)
	}
}

// viaRing is what the exact mode leaves out.
const viaRing = ` && evt.via != "io_uring"`

// checkName refuses names that alerts can't carry, or that a native rule has: alerts of two rules would be taken for one's.
func (l *falcoLoading) checkName(fr *falco.Rule) {
	message := nameProblem(fr.Name)
	if first := l.set.Rule(fr.Name); first != nil {
		message = "a rule of that name is defined already at " + first.Position.String()
	}
	if message != "" {
		*l.errs = append(*l.errs, falcoError(&falco.Issue{Position: fr.Position, Code: falco.Validate, Item: "rule " + source.Quote(fr.Name), Message: message}))
	}
}

// rule compiles one rule; nil if it can't be.
func (l *falcoLoading) rule(fr *falco.Rule, text translate.Text) *Rule {
	l.checkName(fr)
	r := &Rule{Name: fr.Name, Description: strings.TrimSpace(fr.Desc), Enabled: fr.Enabled, Position: fr.Position, Tags: fr.Tags,
		Attack: attackOf(fr.Tags), Severity: l.severity(fr.Priority), Falco: &FalcoRule{Priority: fr.Priority, Source: "syscall"},
		text: strings.TrimSpace(fr.Condition.Text)}
	more, extras := l.opt.appended(fr, r.Falco.Source)
	r.extras = extras
	r.output = parseFalcoTemplate(fr.Output+more, func(offset int, message string) {
		*l.errs = append(*l.errs, falcoError(fr.OutputIssue(offset, message)))
	})
	if i := strings.Index(fr.Output, "%"+containerInfo); i >= 0 {
		e := fr.OutputIssue(i, "%"+containerInfo+" is deprecated: it stands for nothing, since alerts have the container's fields anyway")
		e.Code = falco.DeprecatedItem
		l.set.warnings = append(l.set.warnings, falcoError(e))
	}
	cel := text.CEL
	if l.opt.Exact {
		cel = "(" + cel + ")" + viaRing
	}
	cond, issues := l.compiler.Compile(cel)
	l.compiled("rule "+source.Quote(fr.Name), fr.Condition, text, issues)
	if cond == nil {
		return nil
	}
	r.cond, r.filter = cond, cond.Filter()
	if r.kinds = r.filter.Wanted(); r.kinds == event.AllKinds() && fr.WarnEventTypes {
		l.warn(fr, falco.NoEventType, "the rule is tried on every event: its condition does not say which evt.type it is about")
	}
	return r
}

func (l *falcoLoading) severity(p falco.Priority) Severity {
	if s, ok := l.opt.Severities[p]; ok {
		return s
	}
	return DefaultSeverity(p)
}

// tactics are MITRE ATT&CK's, as Falco's tags name them.
var tactics = map[string]string{"mitre_initial_access": "TA0001", "mitre_execution": "TA0002", "mitre_persistence": "TA0003",
	"mitre_privilege_escalation": "TA0004", "mitre_defense_evasion": "TA0005", "mitre_credential_access": "TA0006", "mitre_discovery": "TA0007",
	"mitre_lateral_movement": "TA0008", "mitre_collection": "TA0009", "mitre_exfiltration": "TA0010", "mitre_command_and_control": "TA0011",
	"mitre_impact": "TA0040", "mitre_resource_development": "TA0042", "mitre_reconnaissance": "TA0043"}

// attackOf are the ids of ATT&CK among the tags, techniques first.
func attackOf(tags []string) []string {
	var techniques, others []string
	for _, tag := range tags {
		id := tag
		if t := tactics[tag]; t != "" {
			id = t
		}
		switch {
		case !attackID.MatchString(id) || slices.Contains(others, id):
		case strings.HasPrefix(id, "TA"):
			others = append(others, id)
		default:
			techniques = append(techniques, id)
		}
	}
	return append(techniques, others...)
}
