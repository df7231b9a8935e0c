package probe

import (
	"strconv"
	"strings"

	"tiercel.dev/internal/event"
)

func (d *Decoder) open(raw []byte, ev *event.Event) error {
	v, err := view[bpfOpenEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	ev.Args.Flags = v.Flags
	ev.Args.Mode = v.Mode
	ev.Args.DirFD = v.Path.Dirfd
	f := &ev.FD
	f.Path, _ = d.path(&v.Path, &t)
	f.Valid, f.Num = true, -1
	f.Type = event.FDFile
	if v.Directory != 0 {
		f.Type = event.FDDirectory
	}
	if ev.Ret >= 0 {
		d.opened(&v.File, &t, ev)
	}
	return t.err()
}

// opened decodes the file that was opened. The type goes by what was asked for, as in Falco: without O_DIRECTORY, a
// directory counts as a file.
func (d *Decoder) opened(v *bpfFileFacts, t *texts, ev *event.Event) {
	f := &ev.FD
	asked := f.Type
	f.Num = int32(ev.Ret)
	d.file(v, t, f)
	if f.Type == event.FDDirectory || asked == event.FDDirectory {
		f.Type = asked
	}
}

// descriptor decodes calls on a descriptor, or that return one made from another.
func (d *Decoder) descriptor(raw []byte, ev *event.Event) error {
	v, err := view[bpfFdEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a, f := &ev.Args, &ev.FD
	a.Flags, a.Mode = v.Flags, v.Mode
	a.OldFD, a.NewFD = v.Oldfd, v.Newfd
	switch ev.Kind {
	case event.Listen:
		a.Backlog = v.Number
	case event.Fcntl:
		a.Cmd, a.Flags = int32(v.Flags), 0
	case event.Ftruncate:
		a.Length, a.Flags = int64(v.Flags), 0
	}
	d.descriptorFacts(&v.Fd, &t, ev)
	d.asked(t.next(int(v.Fd.Socket.AskedLen)), f)
	if ev.Kind == event.PidfdGetfd && ev.Ret >= 0 || f.Type == event.FDPid {
		a.PID = v.Number
	}
	a.Source = str(t.next(int(v.ParamsLen)))
	d.other(t.next(int(v.OtherLen)), f, ev.Kind == event.Connect)
	f.NameChanged = changesName(ev)
	return t.err()
}

// descriptorFacts decodes what a descriptor refers to.
func (d *Decoder) descriptorFacts(v *bpfFdFacts, t *texts, ev *event.Event) {
	if v.Fd >= 0 {
		ev.FD.Valid, ev.FD.Num = true, v.Fd
	}
	switch {
	case v.Socket.Family != 0:
		d.socket(v, t, ev)
	case v.File.Mode != 0:
		d.file(&v.File, t, &ev.FD)
	}
}

// file decodes what the kernel side said of a file.
func (d *Decoder) file(v *bpfFileFacts, t *texts, f *event.FD) {
	f.Dev, f.Ino = v.Dev, v.Ino
	f.RealStatus = event.PathStatus(min(v.Status, uint8(event.PathAnonymous)))
	f.Foreign = v.Flags&uint8(bpfPathFlagPATH_FOREIGN) != 0
	f.Real = realPath(t.next(int(v.RealLen)), v.Status)
	f.FSPath = str(t.next(int(v.FspathLen)))
	f.Type = fileType(v, f)
	switch {
	case f.Type == event.FDPipe:
		f.Real = d.numbered("pipe", v.Ino)
	case v.FsMagic == magicNamespace:
		f.Real = d.numbered(f.Real, v.Ino)
	}
}

// numbered is the name that the kernel gives to what only has an inode.
func (d *Decoder) numbered(name string, ino uint64) string {
	start := len(d.text)
	d.text = append(append(d.text, name...), ":["...)
	d.text = strconv.AppendUint(d.text, ino, 10)
	d.text = append(d.text, ']')
	return str(d.text[start:])
}

// Bits of st_mode, and magic numbers of filesystems that cannot be mounted.
const (
	modeType, modePipe, modeDirectory = 0o170000, 0o010000, 0o040000

	magicAnonymous = 0x09041934
	magicPidFD     = 0x50494446
	magicNamespace = 0x6e736673

	memfdPrefix = "memfd:"
)

func fileType(v *bpfFileFacts, f *event.FD) event.FDType {
	switch {
	case v.Mode == 0:
		return event.FDUnknown
	case v.FsMagic == magicAnonymous:
		return anonymousType(f.Real)
	case v.FsMagic == magicPidFD:
		return event.FDPid
	case v.Mode&modeType == modePipe:
		return event.FDPipe
	case v.Mode&modeType == modeDirectory:
		return event.FDDirectory
	case f.RealStatus == event.PathAnonymous && strings.HasPrefix(f.Real, memfdPrefix):
		return event.FDMemfd
	}
	return event.FDFile
}

// anonymousType goes by the name that the kernel's code gives to an anonymous inode.
func anonymousType(name string) event.FDType {
	switch name {
	case "[eventfd]":
		return event.FDEvent
	case "[eventpoll]":
		return event.FDEventpoll
	case "[signalfd]":
		return event.FDSignal
	case "[timerfd]":
		return event.FDTimer
	case "inotify":
		return event.FDInotify
	case "[userfaultfd]":
		return event.FDUserfault
	case "[io_uring]":
		return event.FDIoUring
	case "[pidfd]":
		return event.FDPid
	}
	if strings.HasPrefix(name, "bpf") {
		return event.FDBpf
	}
	return event.FDOther
}
