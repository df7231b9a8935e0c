package redact

import "strings"

// Args redacts the arguments of a process: argv[1:], with argv[0] in exe, or all of argv with exe "". The result is args
// itself if nothing was found, and else a copy. A secret that runs over several arguments counts as one.
func Args(exe string, args []string) ([]string, int) {
	total := 0
	for range maxPasses {
		found, n := argsOnce(exe, args)
		if n == 0 {
			return args, total
		}
		args = found
		total += n
	}
	if _, n := argsOnce(exe, args); n == 0 {
		return args, total
	}
	// As in settle: these arguments were made not to settle.
	hidden := make([]string, len(args))
	for i := range hidden {
		hidden[i] = Mark
	}
	return hidden, total + 1
}

// Env redacts an environment, NAME=VALUE each. The result is env itself if nothing was found, and else a copy.
func Env(env []string) ([]string, int) {
	out, total := env, 0
	for i, e := range env {
		name, value, _ := strings.Cut(e, "=")
		safe, n := e, 0
		if isSecretName(name) && !isPlain(value) && !(strings.EqualFold(name, "pwd") && strings.HasPrefix(value, "/")) {
			if value != Mark {
				safe, n = name+"="+Mark, 1
			}
		} else {
			safe, n = Text(e)
		}
		if n == 0 {
			continue
		}
		if total == 0 {
			out = append([]string(nil), env...)
		}
		out[i] = safe
		total += n
	}
	return out, total
}

// found is what a look at arguments finds in each.
type found struct {
	args  []string
	spans map[int][]span // nil until there are any
	twice int            // spans that are a part of a secret counted elsewhere
}

func (f *found) add(i, start, end int) {
	if f.spans == nil {
		f.spans = make(map[int][]span)
	}
	f.spans[i] = append(f.spans[i], span{start, end})
}

func argsOnce(exe string, args []string) ([]string, int) {
	f := found{args: args}
	for i, a := range args {
		for _, p := range textSpans(a) {
			f.add(i, p.start, p.end)
		}
		if hasBlank(a) {
			for _, p := range wordSpans(a) {
				f.add(i, p.start, p.end)
			}
		}
	}
	w := words{text: args, take: f.add}
	w.read(exe)
	f.keys()
	return f.replaced()
}

// keys finds PEM keys that run over several arguments, as a key in an unquoted variable does.
func (f *found) keys() {
	begins := false
	for _, a := range f.args {
		begins = begins || strings.Contains(a, pemBegin)
	}
	if !begins || len(f.args) < 2 {
		return
	}
	all := strings.Join(f.args, "\n")
	for _, p := range pemSpans(all) {
		at, parts := 0, 0
		for i, a := range f.args {
			start, end := max(p.start-at, 0), min(p.end-at, len(a))
			if start < end && !isMarked(a[start:end]) {
				f.add(i, start, end)
				parts++
			}
			at += len(a) + 1
		}
		f.twice += max(parts-1, 0)
	}
}

func (f *found) replaced() ([]string, int) {
	n := 0
	out := f.args
	for i, spans := range f.spans {
		spans = merged(unmarked(f.args[i], spans))
		if len(spans) == 0 {
			continue
		}
		if n == 0 {
			out = append([]string(nil), f.args...)
		}
		out[i] = replace(f.args[i], spans)
		n += len(spans)
	}
	if n == 0 {
		return f.args, 0
	}
	return out, max(n-f.twice, 1)
}
