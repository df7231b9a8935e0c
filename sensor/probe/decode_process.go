package probe

import (
	"strings"

	"tiercel.dev/internal/event"
)

func (d *Decoder) fork(raw []byte, ev *event.Event) error {
	v, err := view[bpfForkEvent](raw)
	if err != nil {
		return err
	}
	ev.Fork = event.ForkFacts{
		TGID: v.Tgid, TID: v.Tid, Start: int64(v.StartNs), VPID: v.Vpid, CgroupID: v.CgroupId,
		Thread: v.Tgid != v.Tid,
	}
	return nil
}

func (d *Decoder) exit(raw []byte, ev *event.Event) error {
	v, err := view[bpfExitEvent](raw)
	if err != nil {
		return err
	}
	ev.Exit = event.ExitFacts{GroupDead: v.GroupDead != 0}
	return nil
}

func (d *Decoder) cgroup(raw []byte, ev *event.Event) error {
	v, err := view[bpfCgroupEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	ev.Cgroup = event.CgroupFacts{ID: v.Id, Path: str(t.next(int(v.PathLen))), Cut: v.Flags&uint16(bpfPathFlagPATH_CUT) != 0}
	if ev.Cgroup.Path == "" {
		ev.Cgroup.Path = "/"
	}
	return t.err()
}

func (d *Decoder) exec(raw []byte, ev *event.Event) error {
	v, err := view[bpfExecEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	ev.Exec = event.ExecFacts{
		Args:          t.next(int(v.ArgsLen)),
		Env:           t.next(int(v.EnvLen)),
		ArgsTruncated: v.Flags&uint8(bpfExecFlagEXEC_ARGS_CUT) != 0,
		EnvTruncated:  v.Flags&uint8(bpfExecFlagEXEC_ENV_CUT) != 0,
		Filename:      str(t.next(int(v.FilenameLen))),
		OldTID:        v.OldTid,
		TTY:           v.Tty,
		SID:           v.Sid, PGID: v.Pgid, VPID: v.Vpid, VPGID: v.Vpgid,
		LoginUID: v.Loginuid, SessionID: v.Sessionid,
		UpperLayer: event.Tri(min(v.UpperLayer, uint8(event.TriTrue))),
		Ino:        v.Exe.Ino,
		Ctime:      v.CtimeSec*1e9 + int64(v.CtimeNsec),
		Mtime:      v.MtimeSec*1e9 + int64(v.MtimeNsec),
		PIDNSStart: int64(v.PidnsStartNs),
	}
	x := &ev.Exec
	x.ExePath = realPath(t.next(int(v.Exe.RealLen)), v.Exe.Status)
	x.Memfd = v.Exe.Status == uint8(event.PathAnonymous) && strings.HasPrefix(x.ExePath, memfdPrefix)
	x.Writable = writable(&v, &ev.Task)
	x.Chrooted = v.Flags&uint8(bpfExecFlagEXEC_CHROOTED) != 0
	x.OtherMount = v.Flags&uint8(bpfExecFlagEXEC_OTHER_MOUNT) != 0
	x.CWD = realPath(t.next(int(v.CwdLen)), v.CwdStatus)
	return t.err()
}

// Capabilities that let a process write what the mode does not.
const capDACOverride = 1

// writable says whether the process may write its executable by its effective ids and capabilities. Access lists and
// supplementary groups are not looked at.
func writable(v *bpfExecEvent, task *event.Task) bool {
	switch {
	case v.Flags&uint8(bpfExecFlagEXEC_READ_ONLY) != 0:
		return false
	case task.Caps.Effective>>capDACOverride&1 != 0:
		return true
	case task.UID == v.Owner:
		return v.Exe.Mode&0o200 != 0
	case task.GID == v.Group:
		return v.Exe.Mode&0o020 != 0
	}
	return v.Exe.Mode&0o002 != 0
}
