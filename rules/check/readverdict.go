package check

import (
	"slices"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/internal/posture"
)

// otherwise is the condition of the last verdict: a check always comes to one.
const otherwise = "otherwise"

var verdictKeys = map[string]posture.Verdict{"pass": posture.Pass, "warn": posture.Warn, "fail": posture.Fail, "unknown": posture.Unknown, "n/a": posture.NA}

func (r reading) verdicts() {
	k := r.keys["verdicts"]
	if k == nil {
		r.f.Fail(r.n, "the check has no verdicts")
		return
	}
	if !r.f.Is(k, yaml.SequenceNode, "verdicts") {
		return
	}
	for i, item := range k.Content {
		r.readVerdict(item, i == len(k.Content)-1)
	}
	if len(k.Content) == 0 {
		r.f.Fail(k, "the check has no verdicts")
	}
}

// readVerdict reads one; the last is for all that is left.
func (r reading) readVerdict(n *yaml.Node, last bool) {
	if !r.f.Is(n, yaml.MappingNode, "a verdict") {
		return
	}
	keys := r.f.Keys(n, "a verdict", append(sortedKeys(verdictKeys), "severity", "because", "fix")...)
	var v verdict
	var cond *yaml.Node
	for _, word := range sortedKeys(verdictKeys) {
		if k := keys[word]; k != nil {
			if cond != nil {
				r.f.Fail(k, "a verdict is one of %q", sortedKeys(verdictKeys))
			}
			v.verdict, cond = verdictKeys[word], k
		}
	}
	if cond == nil {
		r.f.Fail(n, "a verdict is one of %q, with a condition", sortedKeys(verdictKeys))
		return
	}
	v.sentence = r.sentence(n, keys, "because")
	switch isLast := cond.Kind == yaml.ScalarNode && cond.Value == otherwise; {
	case isLast != last:
		r.f.Fail(cond, "the last verdict, and no other, has the condition %s", otherwise)
	case !isLast:
		v.cond = r.readCondition(cond)
	}
	bad := v.verdict == posture.Fail || v.verdict == posture.Warn
	if bad {
		v.severity = r.Severity
	}
	for _, key := range []string{"severity", "fix"} {
		if keys[key] != nil && !bad {
			r.f.Fail(keys[key], "%s is for warn and fail", key)
		}
	}
	if k := keys["severity"]; k != nil && bad {
		v.severity = r.severity(k)
	}
	if k := keys["fix"]; k != nil && bad {
		v.fix = r.readFix(k)
	}
	if bad && r.fix == nil && v.fix == nil {
		r.f.Fail(n, "neither the verdict nor the check has a fix")
	}
	r.cases = append(r.cases, v)
}

// shorthands stand before what is given to them: most fixes are one of these commands.
var shorthands = map[string]string{
	"clusters update":   "gcloud container clusters update {resource.cluster} --location={resource.location} --project={resource.project} ",
	"node-pools create": "gcloud container node-pools create NEW-POOL --cluster={resource.cluster} --location={resource.location} --project={resource.project} ",
	"node-pools update": "gcloud container node-pools update {pool.name} --cluster={resource.cluster} --location={resource.location} --project={resource.project} ",
}

func (r reading) readFix(n *yaml.Node) *fix {
	if !r.f.Is(n, yaml.MappingNode, "fix") {
		return nil
	}
	keys := r.f.Keys(n, "fix", "commands", "text", "disruption", "link")
	out := &fix{link: r.link(keys["link"])}
	if k := keys["commands"]; k != nil && r.f.Is(k, yaml.SequenceNode, "commands") {
		for _, item := range k.Content {
			if t := r.command(item); t != nil {
				out.commands = append(out.commands, t)
			}
		}
	}
	if k := keys["text"]; k != nil {
		out.text = r.sentence(n, keys, "text")
	}
	if len(out.commands) == 0 && out.text == nil {
		r.f.Fail(n, "a fix has commands, or a text where no command does it")
	}
	if k := keys["disruption"]; k == nil {
		r.f.Fail(n, "a fix says its disruption: one of %q", posture.Disruptions)
	} else {
		out.disruption = oneOf(r.f, k, "disruption", posture.Disruptions)
	}
	return out
}

// command reads a line for a shell, or what stands behind a shorthand.
func (r reading) command(n *yaml.Node) *template {
	prefix := ""
	if n.Kind == yaml.MappingNode {
		words := sortedKeys(shorthands)
		if len(n.Content) != 2 || !slices.Contains(words, n.Content[0].Value) {
			r.f.Fail(n, "a command is a text, or one of %q with its flags", words)
			return nil
		}
		prefix, n = shorthands[n.Content[0].Value], n.Content[1]
	}
	text, ok := r.f.Text(n, "a command")
	if !ok {
		return nil
	}
	t := r.readTemplate(n, text)
	if prefix != "" {
		before := r.readTemplate(n, prefix)
		t.parts = append(before.parts, t.parts...)
	}
	return t
}
