package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/translate"
	"tiercel.dev/rules/field"
)

// containerInfo is a token that stood for fields which alerts have anyway: Falco puts nothing in its place.
const containerInfo = "container.info"

// parseFalcoTemplate cuts an output of a Falco rule: %field, %NNfield of a fixed width, %tolower(field), and %% for a percent
// sign. fail is told of what is wrong, with its place in bytes.
func parseFalcoTemplate(text string, fail func(offset int, message string)) template {
	t := template{text: text}
	var plain strings.Builder
	for at := 0; at < len(text); {
		i := strings.IndexByte(text[at:], '%')
		if i < 0 {
			plain.WriteString(text[at:])
			break
		}
		plain.WriteString(text[at : at+i])
		at += i + 1
		if strings.HasPrefix(text[at:], "%") {
			plain.WriteByte('%')
			at++
			continue
		}
		if rest, ok := strings.CutPrefix(text[at:], containerInfo); ok {
			at = len(text) - len(rest)
			continue
		}
		p, n, err := parseFalcoToken(text[at:])
		if err != nil {
			fail(at-1, err.Error())
			return t
		}
		at += n
		t.parts = append(t.parts, part{text: plain.String()}, p)
		plain.Reset()
	}
	t.parts = append(t.parts, part{text: plain.String()})
	return t
}

// parseFalcoToken reads what stands behind a percent sign, and returns its length.
func parseFalcoToken(s string) (p part, n int, err error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		if p.width, err = strconv.Atoi(s[:digits]); err != nil || p.width > maxWidth {
			return p, 0, fmt.Errorf("width %s is more than %d", s[:digits], maxWidth)
		}
	}
	rest := s[digits:]
	name, open, called := strings.Cut(rest, "(")
	if called && falcoTransforms[name] != nil {
		inner, _, closed := strings.Cut(open, ")")
		f, m, err := longestField(inner)
		if err != nil || !closed || m != len(inner) {
			return p, 0, fmt.Errorf("invalid formatting token %%%s: %s takes a field", rest[:min(len(rest), 40)], name)
		}
		p.fields, p.as, p.transform = []*field.Field{f}, inner, falcoTransforms[name]
		return p, digits + len(name) + 1 + m + 1, nil
	}
	f, m, err := longestField(rest)
	if err != nil {
		return p, 0, fmt.Errorf("invalid formatting token %%%s: %w", rest[:m], err)
	}
	p.fields, p.as = []*field.Field{f}, rest[:m]
	return p, digits + m, nil
}

// falcoTransforms are those of conditions that outputs may have.
var falcoTransforms = map[string]func(string) string{"tolower": condition.Lower, "toupper": condition.Upper, "basename": field.Basename,
	"b64": condition.Base64}

// maxWidth is the widest that a field can be asked to be.
const maxWidth = 1000

// longestField reads the longest name of a field that s begins with; with an error, n is the length of what should be one.
func longestField(s string) (f *field.Field, n int, err error) {
	end := 0
	for end < len(s) && (s[end] == '.' || s[end] == '_' || 'a' <= s[end] && s[end] <= 'z' || 'A' <= s[end] && s[end] <= 'Z' || '0' <= s[end] && s[end] <= '9') {
		end++
	}
	if n := translate.Labelled(s); n > 0 {
		if f, err = translate.Field(s[:n], "", false); err != nil {
			f = missingField(s[:n])
		}
		return f, n, nil
	}
	if end < len(s) && s[end] == '[' {
		if closing := strings.IndexByte(s[end:], ']'); closing > 0 {
			key := s[end+1 : end+closing]
			n = end + closing + 1
			if f, err = translate.Field(s[:end], key, true); err == nil {
				return shown(f), n, nil
			} else if _, has := translate.FalcoHas(s[:end]); has {
				return missingField(s[:n]), n, nil
			}
			return nil, n, err
		}
	}
	for n := end; n > 0; n-- {
		if s[n-1] == '.' {
			continue
		}
		if f, lookup := translate.Field(s[:n], "", false); lookup == nil {
			return shown(f), n, nil
		} else if _, has := translate.FalcoHas(s[:n]); has {
			return missingField(s[:n]), n, nil
		} else if err == nil {
			err = lookup
		}
	}
	if err == nil {
		err = field.ErrUnknown
	}
	return nil, end, err
}

// shown is the field as outputs of Falco's have it: evt.time is the time of day.
func shown(f *field.Field) *field.Field {
	if f.Name != "evt.time" {
		return f
	}
	g := *f
	g.TextOf = func(ev *event.Event) (string, bool) {
		return time.Unix(0, ev.Time).Local().Format("15:04:05.000000000"), true
	}
	return &g
}

// missingField is one that Falco has and no event here: it shows as <NA>.
func missingField(name string) *field.Field {
	return &field.Field{Name: name, Type: field.Text, Kinds: event.AllKinds(), TextOf: func(*event.Event) (string, bool) { return "", false }}
}
