package falcoconfig

import (
	"errors"
	"os"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/source"
)

// rulesFiles are files and folders. As in Falco, one that is not there is no error; nor is a folder without files.
func (r *reader) rulesFiles(v value) {
	for _, item := range r.items(v) {
		path, ok := r.text(item)
		if !ok || path == "" {
			continue
		}
		st, err := os.Stat(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			r.warn(item, "%s is not there", path)
			continue
		case err != nil:
			r.fail(item, "%v", err)
			continue
		case st.IsDir():
			files, err := yamlFiles(path)
			if err != nil {
				r.fail(item, "%v", err)
			}
			if len(files) == 0 {
				r.warn(item, "%s has no rule files", path)
				continue
			}
		}
		r.cfg.RulePaths = append(r.cfg.RulePaths, path)
	}
}

// selections are [{enable|disable: {rule: WILDCARD | tag: TAG}}].
func (r *reader) selections(v value) {
	for _, item := range r.items(v) {
		for _, f := range r.fields(item) {
			if f.name() != "enable" && f.name() != "disable" {
				r.fail(f, "is no key of rules; it has enable and disable")
				continue
			}
			for _, by := range r.fields(f) {
				s := falco.Selection{Enable: f.name() == "enable", Position: by.lines.Position(by.at)}
				switch by.name() {
				case "rule":
					r.str(by, &s.Rule)
				case "tag":
					r.str(by, &s.Tag)
				default:
					r.fail(by, "is neither rule nor tag")
					continue
				}
				if s.Rule == "" && s.Tag == "" {
					r.fail(by, "is empty")
					continue
				}
				r.cfg.Falco.Select = append(r.cfg.Falco.Select, s)
			}
		}
	}
}

// priority is the least urgent that is loaded.
func (r *reader) priority(v value) {
	text, ok := r.text(v)
	if !ok || text == "" {
		return
	}
	p, err := falco.ParsePriority(text)
	if err != nil {
		r.fail(v, "has %v", err)
		return
	}
	r.cfg.Falco.Least = &p
}

func (r *reader) matching(v value) {
	switch text, ok := r.text(v); {
	case !ok:
	case text == "all":
		r.cfg.Falco.AllMatch = true
	case text != "first" && text != "":
		r.fail(v, "is first or all, not %s", source.Quote(text))
	}
}

func (r *reader) appendOutput(v value) {
	for _, item := range r.items(v) {
		var a rules.FalcoAppend
		for _, f := range r.fields(item) {
			switch f.name() {
			case "match":
				r.match(f, &a)
			case "suggested_output":
				r.bool(f, &a.Suggested)
			case "extra_output":
				a.Output = r.template(f)
			case "extra_fields":
				for _, field := range r.items(f) {
					a.Fields = append(a.Fields, r.extraFields(field)...)
				}
			default:
				r.fail(f, "is no key of append_output; it has match, suggested_output, extra_output and extra_fields")
			}
		}
		r.cfg.Falco.Append = append(r.cfg.Falco.Append, a)
	}
}

func (r *reader) match(v value, a *rules.FalcoAppend) {
	for _, f := range r.fields(v) {
		switch f.name() {
		case "source":
			r.str(f, &a.Source)
		case "rule":
			r.str(f, &a.Rule)
		case "tags":
			a.Tags = r.texts(f)
		default:
			r.fail(f, "is no key of match; it has source, rule and tags")
		}
	}
}

// template is text with fields, which must be right.
func (r *reader) template(v value) string {
	text, ok := r.text(v)
	if !ok {
		return ""
	}
	if err := rules.CheckFalcoOutput(text); err != nil {
		r.fail(v, "%v", err)
	}
	return text
}

// extraFields reads a field's name, or a mapping of names to texts with fields.
func (r *reader) extraFields(v value) []rules.FalcoField {
	if v.node.Kind == yaml.ScalarNode {
		name, _ := r.text(v)
		if err := rules.CheckFalcoOutput("%" + name); err != nil {
			r.fail(v, "%v", err)
		}
		return []rules.FalcoField{{Name: name}}
	}
	var out []rules.FalcoField
	for _, f := range r.fields(v) {
		out = append(out, rules.FalcoField{Name: f.at.Value, Text: r.template(f)})
	}
	return out
}

// staticFields are of every alert, by the name static.KEY.
func (r *reader) staticFields(v value) {
	for _, f := range r.fields(v) {
		if text, ok := r.text(f); ok {
			r.cfg.Falco.Static = append(r.cfg.Falco.Static, rules.FalcoField{Name: "static." + f.at.Value, Text: text})
		}
	}
}
