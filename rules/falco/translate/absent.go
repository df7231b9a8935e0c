package translate

import "strings"

// absent are Falco's fields that no event has here, besides arguments, by the reason.
var absent = byField(map[string]string{
	"reads and writes are not recorded": `evt.is_io evt.is_io_read evt.is_io_write evt.io_dir evt.buflen evt.buflen.in evt.buflen.out
		evt.buflen.file evt.buflen.file.in evt.buflen.file.out evt.buflen.net evt.buflen.net.in evt.buflen.net.out evt.is_syslog
		syslog.facility syslog.facility.str syslog.severity syslog.severity.str syslog.message`,
	"how long a call took is not recorded": `evt.latency evt.latency.s evt.latency.ns evt.latency.quantized evt.latency.human evt.wait_latency`,
	"events are not compared with the ones before": `evt.deltatime evt.deltatime.s evt.deltatime.ns evt.reltime evt.reltime.s evt.reltime.ns
		evt.around`,
	"events have no categories": `evt.category evt.count.error evt.count.error.file evt.count.error.net evt.count.error.memory
		evt.count.error.other evt.count.exit evt.count.procinfo evt.count.threadinfo`,
	"there are no plugins": `evt.pluginname evt.plugininfo evt.asynctype`,
	"fs.path.name, fs.path.source and fs.path.target have it": `evt.abspath evt.abspath.src evt.abspath.dst`,
	"whether the file was there before is not recorded":       `evt.is_open_create`,
	"what a process uses of the machine is not recorded": `proc.fdopencount proc.fdlimit proc.fdusage proc.vmsize proc.vmrss proc.vmswap
		proc.cpu proc.nchilds proc.nthreads thread.cpu thread.cpu.user thread.cpu.system thread.exectime thread.totexectime thread.vmsize
		thread.vmrss thread.pfmajor thread.pfminor`,
	"which other descriptors a process has is not recorded": `proc.stdin.type proc.stdout.type proc.stderr.type proc.stdin.name
		proc.stdout.name proc.stderr.name fd.types fdlist.nums fdlist.names fdlist.cips fdlist.sips fdlist.cports fdlist.sports`,
	"of a user only the name is looked up":                  `user.homedir user.shell`,
	"environments of ancestors are not kept":                `proc.aenv`,
	"ports are numbers alone":                               `fd.proto fd.cproto fd.sproto fd.lproto fd.rproto`,
	"layers are told of executables alone":                  `fd.is_upper_layer fd.is_lower_layer`,
	"whether an executable lies on an overlay is not told":  `proc.is_exe_lower_layer`,
	"of cgroups only what they tell of containers is taken": `proc.cgroups thread.cgroups thread.cgroup`,
	"it is not kept of what the container runtime tells": `container.cni.json k8s.pod.cni.json container.host_pid container.host_network
		container.host_ipc container.healthcheck container.liveness_probe container.readiness_probe`,
	"nor has one in Falco since 0.37": `k8s.rc.name k8s.rc.id k8s.rc.label k8s.rc.labels k8s.svc.name k8s.svc.id k8s.svc.label
		k8s.svc.labels k8s.rs.name k8s.rs.id k8s.rs.label k8s.rs.labels k8s.ns.id k8s.ns.label k8s.ns.labels
		k8s.deployment.name k8s.deployment.id k8s.deployment.label k8s.deployment.labels`,
	"the API server is not asked; native rules have k8s.workload.name": `k8smeta.ns.uid k8smeta.ns.label k8smeta.ns.labels
		k8smeta.deployment.name k8smeta.deployment.uid k8smeta.deployment.label k8smeta.deployment.labels
		k8smeta.rs.name k8smeta.rs.uid k8smeta.rs.label k8smeta.rs.labels k8smeta.rc.name k8smeta.rc.uid k8smeta.rc.label
		k8smeta.rc.labels k8smeta.svc.name k8smeta.svc.uid k8smeta.svc.label k8smeta.svc.labels`,
})

func byField(reasons map[string]string) map[string]string {
	out := map[string]string{}
	for why, names := range reasons {
		for name := range strings.FieldsSeq(names) {
			out[name] = why
		}
	}
	return out
}

// renamed are Falco's other names of fields that there are.
var renamed = map[string]string{
	"proc.vpgid.name": "proc.pgid.name", "proc.vpgid.exe": "proc.pgid.exe", "proc.vpgid.exepath": "proc.pgid.exepath",
	"evt.info": "evt.args", "k8s.pod.id": "k8s.pod.uid",
	"k8smeta.pod.name": "k8s.pod.name", "k8smeta.pod.uid": "k8s.pod.uid", "k8smeta.pod.ip": "k8s.pod.ip", "k8smeta.pod.label": "k8s.pod.label",
	"k8smeta.pod.labels": "k8s.pod.labels", "k8smeta.ns.name": "k8s.ns.name",
}

// labelled are the fields whose key may stand behind a dot, too, as older files have it.
var labelled = []string{"container.label", "k8s.pod.label", "k8s.ns.label", "k8s.rc.label", "k8s.rs.label", "k8s.svc.label", "k8s.deployment.label", "thread.cgroup"}

// Labelled is how many bytes of s are a field with a label behind a dot: k8s.pod.label.app.kubernetes.io/name. A label ends in a
// letter or a digit. 0 if s begins with none.
func Labelled(s string) int {
	for _, base := range labelled {
		label, ok := strings.CutPrefix(s, base+".")
		if !ok {
			continue
		}
		n := 0
		for n < len(label) && (isWord(label[n]) || strings.IndexByte("-._/", label[n]) >= 0) {
			n++
		}
		if label = strings.TrimRight(label[:n], "-._/"); label != "" {
			return len(base) + 1 + len(label)
		}
	}
	return 0
}

func isWord(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' }

// canonical is the name, with its key, of the field that Falco's name stands for.
func canonical(name, key string, keyed bool) (string, string, bool) {
	for _, base := range labelled {
		if label, ok := strings.CutPrefix(name, base+"."); ok && !keyed {
			return base, label, true
		}
	}
	if is := renamed[name]; is != "" {
		name = is
	}
	return name, key, keyed
}

// FalcoHas reports whether Falco has a field of that name, its key left out, which no event has here. why may be "".
func FalcoHas(name string) (why string, ok bool) {
	for _, prefix := range []string{"evt.arg.", "evt.rawarg."} {
		if name, ok := strings.CutPrefix(name, prefix); ok {
			return "", argNames[name]
		}
	}
	name, _, _ = canonical(name, "", false)
	why, ok = absent[name]
	return why, ok
}
