package alerting

import (
	"fmt"
	"slices"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

// lineage is the process and its ancestors, nearest first.
func lineage(p *event.Process, c *event.Container) (*alert.Process, []*alert.Process) {
	if p == nil {
		return nil, nil
	}
	place := ""
	if c != nil {
		place = c.FullID
	}
	head := process(p, place)
	var ancestors []*alert.Process
	for p = p.Parent; p != nil && len(ancestors) < alert.MaxAncestors; p = p.Parent {
		ancestors = append(ancestors, process(p, place))
	}
	return head, ancestors
}

// process translates p; place is the full id of the container that the alert names.
func process(p *event.Process, place string) *alert.Process {
	out := &alert.Process{
		Pid:                   p.PID,
		ParentPid:             p.PPID,
		StartTime:             alert.Time(p.StartTime),
		Name:                  p.Name,
		Exe:                   p.Exe,
		ExePath:               p.ExePath,
		Args:                  slices.Clone(p.Args),
		ArgsTruncated:         p.ArgsTruncated,
		CommandLine:           p.CmdLine,
		Cwd:                   p.CWD,
		Env:                   slices.Clone(p.Env),
		Tty:                   p.TTY,
		UserId:                p.UID,
		UserName:              known(p.UserName),
		GroupId:               p.GID,
		GroupName:             known(p.GroupName),
		LoginUserId:           p.LoginUID,
		LoginUserName:         known(p.LoginName),
		SessionId:             p.SID,
		SessionLeader:         p.SessionName,
		NamespacePid:          p.VPID,
		CapabilitiesEffective: capabilities(p.Caps.Effective),
		CapabilitiesPermitted: capabilities(p.Caps.Permitted),
		ExeUpperLayer:         p.UpperLayer == event.TriTrue,
		ExeMemfd:              p.Memfd,
		ExeWritable:           p.Writable,
		ExeModifiedTime:       alert.Time(p.ExeMtime),
		Partial:               p.Partial,
		Repaired:              p.Repaired,
		Redacted:              uint32(p.Redacted),
	}
	if p.ContainerID != place {
		out.ContainerId = p.ContainerID
	}
	return out
}

// known drops the rule language's word for an unknown name: in the contract that is an absent one.
func known(name string) string {
	if name == "<NA>" {
		return ""
	}
	return name
}

func capabilities(set uint64) string {
	if set == 0 {
		return ""
	}
	return fmt.Sprintf("%016x", set)
}
