// Package redact takes secrets out of what leaves the sensor: arguments, environments and texts that programs on the
// node chose. sensor/pipeline calls it for each event that becomes an alert, sensor/capture for all that it writes;
// rules see events as they were.
//
// It knows secrets by their names (password=…, --token …, Authorization: …), by the program that takes them
// (mysql -p…, curl -u user:…), by where they stand (scheme://user:…@host) and by their own form (cloud keys, tokens,
// JWTs, PEM private keys). It cannot know one that has neither name nor form: a password that stands alone as an
// argument stays. Where a choice must be made it takes too much rather than too little.
//
// Only the secret part is replaced, by [Mark]. Redacting what was redacted changes nothing. Time is linear in the text,
// whatever the text is: there are no regular expressions.
package redact

import (
	"fmt"
	"strings"

	"tiercel.dev/internal/event"
)

// Mark stands where a secret was.
const Mark = "[redacted]"

// Arguments says what becomes of the arguments of processes.
type Arguments uint8

const (
	Redact Arguments = iota // secrets are replaced
	Keep                    // kept entirely, secrets and all
	Drop                    // no argument is kept, not even the program's own name for itself
)

// ParseArguments reads the setting's value: "redact", "keep" or "drop".
func ParseArguments(s string) (Arguments, error) {
	switch s {
	case "redact":
		return Redact, nil
	case "keep":
		return Keep, nil
	case "drop":
		return Drop, nil
	default:
		return 0, fmt.Errorf("arguments %q: want redact, keep or drop", s)
	}
}

// String is the setting's value.
func (a Arguments) String() string {
	switch a {
	case Redact:
		return "redact"
	case Keep:
		return "keep"
	case Drop:
		return "drop"
	default:
		return fmt.Sprintf("Arguments(%d)", uint8(a))
	}
}

// Config says how much is kept. The zero value is the default.
type Config struct {
	Arguments Arguments
	// Environment keeps environments, secrets replaced. Without it only the variables that say how a program is loaded and
	// keeps its history are kept.
	Environment bool
}

// Validate names the field that makes no sense.
func (c Config) Validate() error {
	if c.Arguments > Drop {
		return fmt.Errorf("Arguments: %d is none of redact, keep and drop", c.Arguments)
	}
	return nil
}

// A Redactor holds settings and nothing else; it is safe for concurrent use.
type Redactor struct{ config Config }

// New returns a Redactor for c, which must be valid.
func New(c Config) *Redactor { return &Redactor{c} }

// Event returns a deep copy of ev without secrets: of the event itself, of its process and of all ancestors. The copy
// shares nothing with ev that changes. How many secrets were replaced stands in Redacted of the event and of each
// process.
func (r *Redactor) Event(ev *event.Event) *event.Event {
	c := ev.Clone()
	r.Own(c)
	for p := c.Process; p != nil; p = p.Parent {
		r.process(p)
	}
	return c
}

// Own redacts what ev holds itself, in place, and not its process: for a writer that keeps processes apart.
// ev is changed, but not the bytes and strings it was made from.
func (r *Redactor) Own(ev *event.Event) {
	var n int
	// fsconfig gives a mount's password as a pair.
	if s := ev.Args.Source; s != "" && s != Mark && isSecretName(ev.Args.Key) {
		ev.Args.Source = Mark
		n++
	}
	ev.Args.Source = count(&n, ev.Args.Source, Text)
	for _, s := range []*string{
		&ev.Args.Key, &ev.Args.Path.Raw, &ev.Args.Path.Name, &ev.Args.NewPath.Raw, &ev.Args.NewPath.Name,
		&ev.FD.Path.Raw, &ev.FD.Path.Name, &ev.FD.Real, &ev.FD.FSPath, &ev.FD.Unix,
		&ev.FD.UnixLocal, &ev.FD.UnixRemote, &ev.Message.Data,
	} {
		// An argument like password=x is a file name to the program that opens its arguments.
		*s = count(&n, *s, Text)
	}
	for i := range ev.Message.Passed {
		p := &ev.Message.Passed[i]
		p.Real = count(&n, p.Real, Text)
	}
	ev.Redacted += n
	if ev.Kind == event.Exec {
		r.exec(&ev.Exec)
	}
}

// exec redacts what the process's own facts say again; the secrets are counted there.
func (r *Redactor) exec(x *event.ExecFacts) {
	x.Filename, _ = Tokens(x.Filename)
	x.ExePath, _ = Tokens(x.ExePath)
	x.CWD, _ = Tokens(x.CWD)
	switch r.config.Arguments {
	case Drop:
		x.Args = nil
	case Redact:
		x.Args = joined(x.Args, func(argv []string) ([]string, int) { return Args("", argv) })
	}
	x.Env = joined(x.Env, func(env []string) ([]string, int) {
		kept := r.environment(env)
		safe, n := Env(kept)
		return safe, n + len(env) - len(kept)
	})
}

// joined redacts a list of strings that each end in NUL. One cut at the end has no NUL, and gets none.
func joined(b []byte, redact func([]string) ([]string, int)) []byte {
	if len(b) == 0 {
		return b
	}
	s := string(b)
	end := ""
	if strings.HasSuffix(s, "\x00") {
		s, end = s[:len(s)-1], "\x00"
	}
	list, n := redact(strings.Split(s, "\x00"))
	if n == 0 {
		return b
	}
	if len(list) == 0 {
		return nil
	}
	return []byte(strings.Join(list, "\x00") + end)
}

// Process returns a copy of p without secrets and without its parent.
func (r *Redactor) Process(p *event.Process) *event.Process {
	c := *p
	c.Parent = nil
	r.process(&c)
	return &c
}

// process changes p's fields, but not what they point to.
func (r *Redactor) process(p *event.Process) {
	n := 0
	p.ExePath = count(&n, p.ExePath, Tokens)
	p.CWD = count(&n, p.CWD, Tokens)
	switch r.config.Arguments {
	case Drop:
		p.Exe, p.Args, p.ArgsText, p.CmdLine = "", nil, "", p.Name
	case Redact:
		r.arguments(p, &n)
	}
	env, found := Env(r.environment(p.Env))
	p.Env = env
	n += found
	p.Redacted += n
}

// arguments redacts Args and, where the table made them from it, ArgsText and CmdLine alike.
func (r *Redactor) arguments(p *event.Process, n *int) {
	made := p.ArgsText == strings.Join(p.Args, " ")
	args, found := Args(p.Exe, p.Args)
	p.Exe = count(n, p.Exe, Text)
	*n += found
	switch {
	case !made:
		p.ArgsText = count(n, p.ArgsText, Text)
		p.CmdLine, _ = Text(p.CmdLine)
	case found > 0:
		text := strings.Join(args, " ")
		if name, ok := strings.CutSuffix(p.CmdLine, p.ArgsText); ok {
			p.CmdLine = name + text
		} else {
			p.CmdLine, _ = Text(p.CmdLine)
		}
		p.ArgsText = text
	}
	p.Args = args
}

func count(n *int, s string, redact func(string) (string, int)) string {
	out, found := redact(s)
	*n += found
	return out
}
