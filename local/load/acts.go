package load

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
	"tiercel.dev/sensor/capture"
	"tiercel.dev/sensor/pipeline"
	"tiercel.dev/sensor/redact"
)

// NoisyRule is what somebody rolled out on all nodes: it matches what each of them does all the time.
const NoisyRule = "agent_state_written"

const noisyRule = `rules:
  - name: ` + NoisyRule + `
    title: State of the node's agent was made readable
    description: Somebody changed who may read the agent's state. It turned out that the agent itself does, every few seconds.
    condition: chmod && evt.arg.filename == "/run/agent/state"
    output: "{proc.cmdline} ({proc.exepath}) changed {evt.arg.filename} in {k8s.pod.name|container.name}"
    severity: MEDIUM
    tags: [host]
    throttle: {per: [container.id, proc.exepath], every: 1m}
`

// Acts are what happens on nodes: events that a sensor recorded on a machine, in other places and with other names.
type Acts struct {
	rules  *rules.Set
	noise  *event.Event // on the host, of the agent
	inPod  *event.Event // the same in a pod
	shell  *event.Event // in a pod: a shell on a terminal, MEDIUM
	tool   *event.Event // in a pod: a program of a name of its own, MEDIUM
	secret *event.Event // on the host: the shadow file is read, HIGH
	memory *event.Event // on the host: a program that lies in memory, CRITICAL
}

// Read takes the events that acts are made of from a capture, the one that `tiercel up` falls back to.
func Read(path string) (*Acts, error) {
	set, err := rules.Load(append(library.Sources(), rules.Source{Name: "noisy.yaml", Data: []byte(noisyRule)}), rules.Options{})
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer r.Close()
	first := make(map[string]*event.Event) // by rule
	p := pipeline.New(pipeline.Config{
		Rules: func() *rules.Set { return set }, Safe: redact.New(redact.Config{}).Event, Publish: func(*alert.Alert) {},
		Build: func(safe *event.Event, r *rules.Rule) *alert.Alert {
			if first[r.Name] == nil {
				first[r.Name] = safe.Clone()
			}
			return new(alert.Alert)
		},
	})
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if p.Wants(ev) {
			p.Handle(ev)
		}
	}
	a := &Acts{
		rules: set, noise: first["setuid_bit_set"], shell: first["terminal_shell_in_container"],
		tool: first["execution_from_temporary_directory_in_container"], secret: first["sensitive_file_read"],
	}
	for what, ev := range map[string]*event.Event{"chmod": a.noise, "a shell": a.shell, "a program below /tmp": a.tool, "the shadow file": a.secret} {
		if ev == nil {
			return nil, fmt.Errorf("%s: there is no event of %s in it", path, what)
		}
	}
	a.change()
	return a, nil
}

// change makes the acts that nobody recorded out of those that somebody did.
func (a *Acts) change() {
	a.noise.Args.Mode = 0o644
	a.noise.Args.Path = event.Path{Raw: "/run/agent/state", Name: "/run/agent/state"}
	a.noise.Process.ExePath, a.noise.Process.Exe, a.noise.Process.Name = "/usr/local/bin/agent", "agent", "agent"
	a.inPod = a.noise.Clone()
	a.inPod.Container = a.shell.Container
	a.memory = a.tool.Clone()
	a.memory.Container = event.Host
	p := a.memory.Process
	p.ContainerID, p.Memfd, p.ExePath, p.Name = "", true, "memfd:kworker", "kworker"
	for p := p.Parent; p != nil; p = p.Parent {
		p.ContainerID = ""
	}
}

// program is a, run under another name.
func program(a *event.Event, n int) *event.Event {
	ev := a.Clone()
	name := fmt.Sprintf("t%d", n)
	ev.Process.Name, ev.Process.Exe, ev.Process.ExePath = name, "/tmp/"+name, "/tmp/"+name
	ev.Process.CmdLine = strings.TrimSpace(name + " " + ev.Process.ArgsText)
	return ev
}
