package findings

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
	"tiercel.dev/sensor/capture"
	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/redact"
)

// firsts are the first cases of the shipped tests files that each rule matches.
func firsts(t *testing.T) (cases map[string]rules.Result, names []string) {
	t.Helper()
	set, err := rules.Load(library.Sources(), rules.Options{Lists: rules.NewLists()})
	if err != nil {
		t.Fatal(err)
	}
	cases = make(map[string]rules.Result)
	for _, file := range library.Tests() {
		results, err := rules.RunTests(set, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			for _, name := range r.Wanted {
				if _, ok := cases[name]; !ok {
					cases[name] = r
				}
			}
		}
	}
	for _, r := range set.Rules() {
		names = append(names, r.Name)
		if _, ok := cases[r.Name]; !ok {
			t.Errorf("%s: no case matches it", r.Name)
		}
	}
	slices.Sort(names)
	return cases, names
}

// between keeps the events out of each other's throttle windows.
const between = 24 * time.Hour

// alerts are what a sensor makes of the cases, by rule: recorded, and replayed through the shipped rules.
func alerts(t *testing.T, cases map[string]rules.Result, names []string) map[string]*alert.Alert {
	t.Helper()
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.Header{Sensor: "v1.2.3", Kernel: "6.12.46+", Arch: "amd64", Node: nodeName, BootID: "boot-1"}, redact.New(redact.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		for _, list := range []string{"k8s_api_servers", "k8s_api_ports"} {
			w.SetList(list, cases[name].Lists[list], nil)
		}
		ev := complete(cases[name].Event)
		ev.Time += int64(between) * int64(i)
		if err := w.Write(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := node.DefaultConfig()
	cfg.Place = node.Place{Project: "acme", Location: "europe-west1", Cluster: "prod", Node: nodeName}
	byRule := make(map[string]*alert.Alert)
	_, err = node.Replay(context.Background(), cfg, &file, func(a *alert.Alert) error {
		if names[a.Event.Num-1] == a.Rule.Name {
			// The hash of all rules changes with any of them, and numbers and times with how many there are.
			a.Rule.SetHash, a.Seq, a.Time = "5f2d", 1, alert.Time(cases[a.Rule.Name].Event.Time)
			a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
			byRule[a.Rule.Name] = a
		}
		return nil
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return byRule
}

const nodeName = "gke-prod-pool-1-8a1c"

// complete gives an event what a node would know besides what its case says. What the case says stays.
func complete(of *event.Event) *event.Event {
	ev := of.Clone()
	p := ev.Process
	p.CWD, p.StartTime, p.Start = "/", ev.Time-int64(2*time.Second), 1_000_000
	if p.Exe == "" {
		p.Exe = p.ExePath
	}
	last := p
	for pid := int32(900); last.Parent != nil; pid-- {
		last.PPID, last = pid, last.Parent
		last.PID = pid
	}
	if ev.Container.InContainer() {
		last.Parent = &event.Process{Name: "containerd-shim", ExePath: "/usr/bin/containerd-shim-runc-v2", Exe: "/usr/bin/containerd-shim-runc-v2",
			Args: []string{"-namespace", "k8s.io"}}
		ev.Container = place(ev.Container)
		p.ContainerID = ev.Container.FullID
	} else {
		last.Parent = &event.Process{Name: "bash", ExePath: "/usr/bin/bash", Exe: "-bash"}
	}
	last.Parent.PID, last.PPID = 800, 800
	last.Parent.LoginUID, last.Parent.UserName, last.Parent.PPID = -1, "root", 1
	return ev
}

// place gives a container what its runtime would tell of it.
func place(of *event.Container) *event.Container {
	c := *of
	for text, value := range map[*string]string{
		&c.Name: "web", &c.Image.Repository: "europe-docker.pkg.dev/acme/shop/web", &c.Image.Tag: "v7",
		&c.Image.Digest: "sha256:" + strings.Repeat("ab", 32), &c.Image.ID: "sha256:" + strings.Repeat("cd", 32),
	} {
		if *text == "" {
			*text = value
		}
	}
	c.FullID += strings.Repeat("0", 64-len(c.FullID))
	c.CreatedAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	pod := event.Pod{Namespace: "shop"}
	if c.Pod != nil {
		pod = *c.Pod
	}
	if pod.Name == "" {
		pod.Name, pod.WorkloadKind, pod.WorkloadName = "web-6d5f7b8c9d-x2x4z", "Deployment", "web"
	}
	if pod.Namespace == "" {
		pod.Namespace = "shop"
	}
	pod.UID, pod.IP = "7c1e1d0a-6f2f-4a0e-9d43-0c9a2f6d1a11", "10.8.1.7"
	pod.Labels = map[string]string{"app": "web", "pod-template-hash": "6d5f7b8c9d"}
	c.Pod = &pod
	return &c
}
