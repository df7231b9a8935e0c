package event

import (
	"bytes"
	"slices"
	"strings"
)

// Clone returns a copy of e that holds no view into a reader's buffer and no reference into the process table.
func (e *Event) Clone() *Event {
	c := *e
	c.Task.Comm = strings.Clone(e.Task.Comm)
	c.Process = e.Process.Clone()
	c.Args.Path = e.Args.Path.clone()
	c.Args.NewPath = e.Args.NewPath.clone()
	c.Args.Source = strings.Clone(e.Args.Source)
	c.Args.FSType = strings.Clone(e.Args.FSType)
	c.Args.Key = strings.Clone(e.Args.Key)
	c.FD.Path = e.FD.Path.clone()
	c.FD.Real = strings.Clone(e.FD.Real)
	c.FD.FSPath = strings.Clone(e.FD.FSPath)
	c.FD.Unix = strings.Clone(e.FD.Unix)
	c.FD.UnixLocal = strings.Clone(e.FD.UnixLocal)
	c.FD.UnixRemote = strings.Clone(e.FD.UnixRemote)
	c.Message.Data = strings.Clone(e.Message.Data)
	c.Message.Passed = slices.Clone(e.Message.Passed)
	for i := range c.Message.Passed {
		c.Message.Passed[i].Real = strings.Clone(c.Message.Passed[i].Real)
	}
	c.Exec.Args = bytes.Clone(e.Exec.Args)
	c.Exec.Env = bytes.Clone(e.Exec.Env)
	c.Exec.Filename = strings.Clone(e.Exec.Filename)
	c.Exec.ExePath = strings.Clone(e.Exec.ExePath)
	c.Exec.CWD = strings.Clone(e.Exec.CWD)
	c.Cgroup.Path = strings.Clone(e.Cgroup.Path)
	return &c
}

func (p Path) clone() Path { return Path{strings.Clone(p.Raw), strings.Clone(p.Name)} }
