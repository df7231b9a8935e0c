package scc

import (
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
)

// processes has the one that acted first, then its ancestors.
func processes(a *alert.Alert) []*pb.Process {
	var all []*pb.Process
	if a.GetProcess() == nil {
		return nil
	}
	for _, p := range append([]*alert.Process{a.Process}, a.GetAncestors()...) {
		if len(all) < maxProcesses {
			all = append(all, process(p))
		}
	}
	return all
}

func process(p *alert.Process) *pb.Process {
	out := &pb.Process{
		Name: shown(p.GetName(), maxName), Pid: int64(p.GetPid()), ParentPid: int64(p.GetParentPid()), UserId: int64(p.GetUserId()),
		ArgumentsTruncated: p.GetArgsTruncated(),
	}
	if path := p.GetExePath(); path != "" {
		out.Binary = &pb.File{Path: quoted(path)}
	}
	// The API's arguments begin with what the program was called.
	called := p.GetExe()
	if called == "" && len(p.GetArgs()) > 0 {
		called = p.GetName()
	}
	if called != "" {
		for _, arg := range append([]string{called}, p.GetArgs()...) {
			if len(out.Args) == maxArgs {
				out.ArgumentsTruncated = true
				break
			}
			out.Args = append(out.Args, quoted(arg))
		}
	}
	for _, entry := range p.GetEnv() {
		if len(out.EnvVariables) == maxArgs {
			out.EnvVariablesTruncated = true
			break
		}
		name, value, _ := strings.Cut(entry, "=")
		out.EnvVariables = append(out.EnvVariables, &pb.EnvironmentVariable{Name: quoted(name), Val: quoted(value)})
	}
	return out
}

var operations = map[alert.Operation]pb.File_FileOperation_OperationType{
	alert.Alert_File_OPEN:    pb.File_FileOperation_OPEN,
	alert.Alert_File_READ:    pb.File_FileOperation_READ,
	alert.Alert_File_WRITE:   pb.File_FileOperation_WRITE,
	alert.Alert_File_RENAME:  pb.File_FileOperation_RENAME,
	alert.Alert_File_EXECUTE: pb.File_FileOperation_EXECUTE,
}

// files are named by the path that the kernel resolved, since the one asked for may be a link to anything. What was run is a
// file too. Of what was refused nothing was done.
func files(a *alert.Alert) (out []*pb.File) {
	for _, f := range a.GetFiles()[:min(len(a.GetFiles()), maxFiles)] {
		path := f.GetRealPath()
		if path == "" {
			path = f.GetPath()
		}
		if path == "" {
			continue
		}
		file := &pb.File{Path: quoted(path)}
		if f.GetFsPath() != "" {
			file.DiskPath = &pb.File_DiskPath{RelativePath: quoted(f.FsPath)}
		}
		if op, ok := operations[f.GetOperation()]; ok && !failed(a) {
			file.Operations = []*pb.File_FileOperation{{Type: op}}
		}
		out = append(out, file)
	}
	if p := a.GetProcess(); out == nil && runs[a.GetEvent().GetType()] && !failed(a) && !p.GetExeMemfd() && p.GetExePath() != "" {
		out = []*pb.File{{Path: quoted(p.ExePath), Operations: []*pb.File_FileOperation{{Type: pb.File_FileOperation_EXECUTE}}}}
	}
	return out
}

var runs = map[string]bool{"execve": true, "execveat": true}

var protocols = map[string]pb.Connection_Protocol{
	"tcp": pb.Connection_TCP, "udp": pb.Connection_UDP, "icmp": pb.Connection_ICMP,
}

// connections has the kernel's socket, and none for a socket of this machine alone. A socket that waits has no destination. For
// raw ones there is no word.
func connections(c *alert.Connection) []*pb.Connection {
	if c.GetLocalIp() == "" && c.GetRemoteIp() == "" {
		return nil
	}
	out := &pb.Connection{
		SourceIp: c.GetLocalIp(), SourcePort: int32(c.GetLocalPort()),
		DestinationIp: c.GetRemoteIp(), DestinationPort: int32(c.GetRemotePort()),
		Protocol: protocols[c.GetProtocol()],
	}
	if c.GetRole() == alert.Alert_Connection_SERVER && c.GetRemoteIp() != "" {
		// Who connected is the source.
		out.SourceIp, out.DestinationIp = out.DestinationIp, out.SourceIp
		out.SourcePort, out.DestinationPort = out.DestinationPort, out.SourcePort
	}
	return []*pb.Connection{out}
}
