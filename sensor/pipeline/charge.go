package pipeline

import (
	"unsafe"

	"tiercel.dev/internal/event"
)

// charges estimate the memory that held events keep alive. A copy of an event has its own copy of each process of its
// lineage, but a process's strings, which are most of it, stand once for all copies: they are charged once, or a
// container whose first process has a large environment could not be held for long.
type charges struct {
	images map[image]*imageCharge
	bytes  int
}

// image is a process between two execs.
type image struct {
	pid    int32
	start  int64
	execID uint64
}

type imageCharge struct{ events, bytes int }

// perImage is about what an image takes in the map.
const perImage = int(unsafe.Sizeof(image{})+unsafe.Sizeof(imageCharge{})) * 2

func newCharges() charges { return charges{images: make(map[image]*imageCharge)} }

func (c *charges) add(ev *event.Event) {
	c.bytes += eventSize(ev)
	for n, p := 0, ev.Process; p != nil && n <= event.MaxAncestors; n, p = n+1, p.Parent {
		id := image{p.PID, p.Start, p.ExecID}
		i := c.images[id]
		if i == nil {
			i = new(imageCharge)
			c.images[id] = i
		}
		i.events++
		// More may have become known of it since.
		if size := perImage + imageSize(p); size > i.bytes {
			c.bytes += size - i.bytes
			i.bytes = size
		}
	}
}

// sub takes back what add charged for ev, or for what ev is a copy of.
func (c *charges) sub(ev *event.Event) {
	c.bytes -= eventSize(ev)
	for n, p := 0, ev.Process; p != nil && n <= event.MaxAncestors; n, p = n+1, p.Parent {
		id := image{p.PID, p.Start, p.ExecID}
		i := c.images[id]
		if i.events--; i.events == 0 {
			c.bytes -= i.bytes
			delete(c.images, id)
		}
	}
}

// eventSize is about what a copy of ev takes that is its own.
func eventSize(ev *event.Event) int {
	size := int(unsafe.Sizeof(*ev)) + len(ev.Task.Comm) +
		len(ev.Args.Path.Raw) + len(ev.Args.Path.Name) + len(ev.Args.NewPath.Raw) + len(ev.Args.NewPath.Name) +
		len(ev.Args.Source) + len(ev.Args.FSType) +
		len(ev.FD.Path.Raw) + len(ev.FD.Path.Name) + len(ev.FD.Real) + len(ev.FD.FSPath) + len(ev.FD.Unix) +
		len(ev.Exec.Args) + len(ev.Exec.Env) + len(ev.Exec.Filename) + len(ev.Exec.ExePath) + len(ev.Exec.CWD) +
		len(ev.Cgroup.Path)
	for n, p := 0, ev.Process; p != nil && n <= event.MaxAncestors; n, p = n+1, p.Parent {
		size += int(unsafe.Sizeof(*p))
	}
	return size
}

// imageSize is about what the strings of p take.
func imageSize(p *event.Process) int {
	const header = int(unsafe.Sizeof(""))
	size := len(p.Name) + len(p.Exe) + len(p.ExePath) + len(p.ArgsText) + len(p.CmdLine) + len(p.CWD) + len(p.SessionName) +
		len(p.UserName) + len(p.GroupName) + len(p.LoginName) + len(p.ContainerID) + header*(len(p.Args)+len(p.Env))
	for _, s := range p.Args {
		size += len(s)
	}
	for _, s := range p.Env {
		size += len(s)
	}
	return size
}
