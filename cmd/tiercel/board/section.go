package board

import (
	"fmt"
	"strconv"
	"strings"

	"tiercel.dev/alert"
)

// sections are what is known besides rule and processes. Empty values are left out, and sections without any.
func sections(a *alert.Alert) []Section {
	all := []Section{eventSection(a)}
	for i, f := range a.GetFiles() {
		title := "File"
		if len(a.GetFiles()) > 1 {
			title = fmt.Sprintf("File %d of %d", i+1, len(a.GetFiles()))
		}
		all = append(all, fileSection(title, f))
	}
	all = append(all, connectionSection(a.GetConnection()), processSection(a.GetProcess()), containerSection(a.GetContainer()),
		podSection(a.GetPod()), nodeSection(a))
	all = append(all, enrichmentSections(a.GetEnrichment())...)
	some := []Section{}
	for _, s := range all {
		if len(s.Pairs) > 0 {
			some = append(some, s)
		}
	}
	return some
}

// add adds a value if there is one.
func (s *Section) add(name, value string) {
	if value != "" {
		s.Pairs = append(s.Pairs, Pair{Name: name, Value: alert.Escape(value)})
	}
}

func (s *Section) flag(name string, value bool) {
	if value {
		s.add(name, "yes")
	}
}

func (s *Section) labels(name string, labels []*alert.Label) {
	var all []string
	for _, l := range labels {
		all = append(all, l.GetKey()+"="+l.GetValue())
	}
	s.add(name, strings.Join(all, ", "))
}

func eventSection(a *alert.Alert) Section {
	s := Section{Title: "Event"}
	e := a.GetEvent()
	s.add("type", e.GetType())
	if e != nil {
		s.add("result", strconv.FormatInt(e.GetResult(), 10))
	}
	s.flag("failed", e.GetFailed())
	s.add("time", a.GetTime())
	s.add("observed", a.GetObservedTime())
	if n := a.GetSuppressed(); n.GetCount() > 0 {
		s.add("repeats", fmt.Sprintf("%d more like it, from %s to %s", n.GetCount(), n.GetFirstTime(), n.GetLastTime()))
	}
	s.add("alert id", a.GetAlertId())
	s.add("identity", a.GetIdentity())
	s.add("number", fmt.Sprintf("%d of %s", a.GetSeq(), a.GetBootId()))
	if a.GetRedacted() > 0 {
		s.add("secrets redacted", strconv.FormatUint(uint64(a.GetRedacted()), 10))
	}
	s.add("cut short", strings.Join(a.GetTruncated(), ", "))
	return s
}

func fileSection(title string, f *alert.File) Section {
	s := Section{Title: title}
	s.add("operation", strings.ToLower(strings.ReplaceAll(f.GetOperation().String(), "_", " ")))
	s.add("path asked for", f.GetPath())
	if f.GetRawPath() != f.GetPath() {
		s.add("as the program gave it", f.GetRawPath())
	}
	s.add("as the kernel resolved it", f.GetRealPath())
	s.add("on its filesystem", f.GetFsPath())
	s.flag("root is not the process's", f.GetForeign())
	if f.GetInode() != 0 {
		s.add("inode", fmt.Sprintf("%d on %s", f.GetInode(), f.GetDevice()))
	}
	return s
}

func connectionSection(c *alert.Connection) Section {
	s := Section{Title: "Connection"}
	at := func(ip string, port uint32) string {
		if ip == "" {
			return ""
		}
		return fmt.Sprintf("%s port %d", ip, port)
	}
	s.add("protocol", c.GetProtocol())
	s.add("local", at(c.GetLocalIp(), c.GetLocalPort()))
	s.add("remote", at(c.GetRemoteIp(), c.GetRemotePort()))
	if c.GetAskedIp() != c.GetRemoteIp() {
		s.add("asked for", at(c.GetAskedIp(), c.GetAskedPort()))
	}
	s.add("socket", c.GetUnixPath())
	if c.GetRole() != alert.Alert_Connection_ROLE_UNSPECIFIED {
		s.add("role", strings.ToLower(c.GetRole().String()))
	}
	return s
}

func processSection(p *alert.Process) Section {
	s := Section{Title: "Acting process"}
	if p == nil {
		return s
	}
	s.add("pid", strconv.Itoa(int(p.GetPid())))
	if p.GetNamespacePid() != p.GetPid() && p.GetNamespacePid() != 0 {
		s.add("pid in its namespace", strconv.Itoa(int(p.GetNamespacePid())))
	}
	s.add("command line", p.GetCommandLine())
	s.add("executable", p.GetExePath())
	s.add("working directory", p.GetCwd())
	s.add("user", owner(p.GetUserName(), p.GetUserId()))
	s.add("group", owner(p.GetGroupName(), p.GetGroupId()))
	if p.GetLoginUserId() >= 0 {
		s.add("logged in as", p.GetLoginUserName())
	}
	if p.GetTty() != 0 {
		s.add("terminal", strconv.FormatUint(uint64(p.GetTty()), 10))
	}
	s.add("session leader", p.GetSessionLeader())
	s.add("capabilities", p.GetCapabilitiesEffective())
	s.add("started", p.GetStartTime())
	s.add("environment", strings.Join(p.GetEnv(), " "))
	return s
}

// owner names a user or a group by its name, where that is known, and its number.
func owner(name string, id uint32) string { return strings.TrimSpace(fmt.Sprintf("%s %d", name, id)) }

func containerSection(c *alert.Container) Section {
	s := Section{Title: "Container"}
	s.add("name", c.GetName())
	s.add("id", c.GetId())
	image := c.GetImageRepository()
	if c.GetImageTag() != "" {
		image += ":" + c.GetImageTag()
	}
	s.add("image", image)
	s.add("digest", c.GetImageDigest())
	s.add("runtime", c.GetRuntime())
	s.flag("privileged", c.GetPrivileged())
	s.add("created", c.GetCreatedTime())
	s.labels("labels", c.GetLabels())
	s.flag("not more known", c.GetIncomplete())
	return s
}

func podSection(p *alert.Pod) Section {
	s := Section{Title: "Pod"}
	s.add("namespace", p.GetNamespace())
	s.add("name", p.GetName())
	if p.GetWorkloadName() != "" {
		s.add("workload", p.GetWorkloadKind()+" "+p.GetWorkloadName())
	}
	s.add("address", p.GetIp())
	s.add("uid", p.GetUid())
	s.labels("labels", p.GetLabels())
	return s
}

func nodeSection(a *alert.Alert) Section {
	s := Section{Title: "Node"}
	s.add("name", a.GetNode().GetName())
	s.add("kernel", a.GetNode().GetKernel())
	s.add("architecture", a.GetNode().GetArchitecture())
	c := a.GetCluster()
	s.add("cluster", c.GetName())
	s.add("location", c.GetLocation())
	s.add("project", c.GetProject())
	s.add("sensor", a.GetSensorVersion())
	return s
}
