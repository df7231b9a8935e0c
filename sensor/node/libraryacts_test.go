package node

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tiercel.dev/internal/acts"
	"tiercel.dev/internal/containerd"
)

// in32 is a process of a 32-bit program.
func in32(deed ...string) acts.Plan {
	return chain(acts.Step{Run: []string{"x"}, Path: acts.Folder + "/actor32"}, do(deed...))
}

// dropped is a process of a program of its own, since a rule's alerts of one program are throttled.
func dropped(path string, deed ...string) acts.Plan {
	return chain(do("drop", path), acts.Step{Run: []string{"x"}, Path: path}, do(deed...))
}

// inRoot is a process of a program that has another root, in which it goes by that path; below /dev, so that no layer of an
// image tells that it was put there.
func inRoot(root, path string, deed ...string) acts.Plan {
	plan := chain(do("mkdir", root))
	for i, c := range path {
		if c == '/' && i > 0 {
			plan = append(plan, do("mkdir", root+path[:i]))
		}
	}
	return append(plan, do("drop", root+path), do("chroot", root), acts.Step{Run: []string{"x"}, Path: path}, do(deed...))
}

var libraryActs = []staged{
	// Before the next, whose symbolic link is one too: a rule's alerts of one program are throttled.
	{name: "a link made to it", rule: "sensitive_file_linked", fires: as("x", "link", "/etc/shadow", "/tmp/h1"), near: as("x", "link", "/etc/hostname", "/tmp/h2")},
	{name: "a symbolic link to the file", rule: "sensitive_file_read",
		fires: chain(run("x"), do("symlink", "/etc/shadow", "/tmp/s1"), do("open", "/tmp/s1", "r")), near: chain(run("x"), do("symlink", "/etc/hostname", "/tmp/s2"), do("open", "/tmp/s2", "r"))},
	{name: "the link to one's own root", rule: "sensitive_file_read", fires: as("x", "open", "/proc/self/root/etc/shadow", "r"), near: as("x", "open", "/proc/self/root/etc/hostname", "r")},
	{name: "a path that climbs", rule: "sensitive_file_read", fires: as("x", "open", "/tmp/../etc/./shadow", "r"), near: as("x", "open", "/tmp/../etc/./hostname", "r")},
	{name: "a 32-bit call", rule: "sensitive_file_read", fires: in32("open", "/etc/shadow", "r"), near: in32("open", "/etc/hostname", "r")},
	{name: "a bind mount over the directory", rule: "sensitive_file_read",
		fires: chain(run("x"), do("bind-mount", "/fs/etc", "/mnt"), do("open", "/mnt/shadow", "r"), do("unmount", "/mnt")),
		near:  chain(run("x"), do("bind-mount", "/fs/etc", "/mnt"), do("open", "/mnt/hostname", "r"), do("unmount", "/mnt"))},
	{name: "a cron job by a hard link", rule: "cron_job_written", fires: as("x", "link", "/tmp/file", "/etc/cron.d/linked"), near: as("x", "link", "/tmp/file", "/etc/linked")},
	{name: "a cron job by a symbolic link", rule: "persistence_by_link", fires: as("x", "symlink", "/tmp/file", "/etc/cron.d/symlinked"), near: as("x", "symlink", "/etc/cron.d/x", "/tmp/symlinked")},
	{name: "a program in memory", rule: "fileless_execution", fires: chain(run("x"), do("memfd", "m"), acts.Step{Run: []string{"y"}, Path: "/proc/self/fd/9"}), near: only("y")},
	{name: "a program whose file is gone", rule: "execution_through_descriptor_in_container", at: inPod,
		fires: chain(run("x"), do("deleted", "/tmp/gone"), acts.Step{Run: []string{"y"}, Path: "/proc/self/fd/9"}), near: chain(run("x"), run("y"))},
	{name: "a program put into the container", rule: "drop_and_execute_in_container", at: inPod,
		fires: chain(do("drop", "/tmp/dropped"), acts.Step{Run: []string{"dropped"}, Path: "/tmp/dropped"}), near: only("x")},
	{name: "the mode of a file by a 32-bit call", rule: "setuid_bit_set", fires: in32("chmod", "/tmp/file", "4755"), near: in32("chmod", "/tmp/file", "755")},
	{name: "another's memory", rule: "process_memory_written", at: inPod, fires: as("x", "vm-write", "child"), near: as("x", "vm-write", "self")},
	{name: "another process traced", rule: "process_traced", at: inPod, fires: as("x", "ptrace", "attach"), near: as("x", "ptrace", "traceme")},
	{name: "the node of a disk", rule: "device_node_made_in_container", at: inPod, fires: as("x", "mknod", "/tmp/disk", "disk"), near: as("x", "mknod", "/tmp/pipe", "pipe")},
	{name: "a mount", rule: "mount_in_container", at: inPrivileged, fires: as("x", "bind-mount", "/etc", "/tmp"), near: as("x", "open", "/tmp", "r")},
	{name: "what has the kernel run a program", rule: "kernel_helper_written_in_container", at: inPrivileged,
		fires: as("x", "open", "/tmp/release_agent", "wc"), near: as("x", "open", "/tmp/release", "wc")},
	{name: "a connection for a shell's input", rule: "stdio_redirected_to_network_in_container", at: inPod, fires: as("x", "dup-socket"), near: as("x", "dup-file")},
	{name: "a namespace entered", rule: "namespace_entered_in_container", at: inPrivileged, fires: as("x", "setns"), near: as("x", "unshare")},
	{name: "page faults taken over", rule: "page_faults_taken_in_container", at: inPrivileged, fires: as("x", "userfaultfd"), near: as("x", "sleep", "1ms")},
	{name: "a socket for raw packets", rule: "raw_socket_opened_in_container", at: inPod, fires: as("x", "socket", "packet"), near: as("x", "socket", "inet")},
	{name: "a file opened by an io_uring", rule: "sensitive_file_read", fires: as("x", "ring-open", "/etc/gshadow"), near: as("x", "ring-open", "/etc/hostname")},
	{name: "an io_uring", rule: "io_uring_made_in_container", at: inPrivileged, fires: as("x", "ring-open", "/acts/actor"), near: as("x", "open", "/acts/actor", "r")},
	{name: "a connection by an io_uring", rule: "kubelet_contacted_from_container", at: inPod,
		fires: as("wget", "ring-connect", "127.0.0.1:10250"), near: as("wget", "ring-connect", "127.0.0.1:10251")},
	{name: "a message without a connection", rule: "kubelet_contacted_from_container", at: inPrivileged,
		fires: as("wget", "sendto", "udp", "127.0.0.1:10250"), near: as("wget", "sendto", "udp", "127.0.0.1:10251")},
	{name: "a file by its handle", rule: "sensitive_file_read", fires: as("x", "open-by-handle", "/etc/shadow-"), near: as("x", "open-by-handle", "/etc/hostname")},
	{name: "another's open file", rule: "descriptor_taken_from_process", fires: as("x", "take-descriptor", "there"), near: as("x", "take-descriptor", "missing")},
	{name: "an open file passed on", rule: "sensitive_file_received", fires: as("x", "receive", "/etc/shadow"), near: as("x", "receive", "/etc/hostname")},
	{name: "a path changed while it is read", rule: "sensitive_file_read", fires: as("x", "flip", "/etc/hostname", "/etc/gshadow-"), near: as("x", "flip", "/etc/hostname", "/etc/passwd")},
	{name: "a log emptied when it is open", rule: "log_removed", fires: as("x", "ftruncate", "/var/log/auth.log"), near: as("x", "ftruncate", "/tmp/file")},
	{name: "a connection for a shell's input by fcntl", rule: "stdio_redirected_to_network_in_container", at: inPrivileged,
		fires: as("x", "fcntl-socket"), near: as("x", "fcntl-file")},
	{name: "a copy of a mount", rule: "mount_in_container", at: inPrivileged, fires: dropped("/m1", "open-tree", "/", "clone"), near: dropped("/m1", "open-tree", "/")},
	{name: "a copy of a mount put in a place", rule: "mount_in_container", at: inPrivileged,
		fires: dropped("/m2", "open-tree", "/acts", "clone", "/tmp"), near: dropped("/m2", "open-tree", "/acts")},
	{name: "a filesystem that stands nowhere", rule: "mount_in_container", at: inPrivileged, fires: dropped("/m3", "fsmount"), near: dropped("/m3", "open-tree", "/")},
	{name: "another root", rule: "root_changed_in_container", at: inPrivileged, fires: as("sh", "chroot", "/tmp"), near: as("x", "chroot", "/tmp")},
	{name: "a container runtime's path in another root", rule: "device_node_made_in_container", at: inPrivileged,
		fires: inRoot("/dev/r1", "/usr/bin/runc", "mknod", "/disk", "disk"), near: inRoot("/dev/r2", "/usr/bin/runc", "mknod", "/pipe", "pipe")},
	{name: "a package tool's path in another root", rule: "trusted_path_taken_in_container", at: inPod,
		fires: inRoot("/dev/r3", "/usr/bin/dpkg", "sleep", "1ms"), near: inRoot("/dev/r4", "/usr/bin/other", "sleep", "1ms")},
	{name: "another's BPF programs opened", rule: "bpf_object_opened", at: inPrivileged, fires: as("x", "bpf-open"), near: as("x", "bpf", "map")},
	{name: "a cgroup written", rule: "cgroup_changed_in_container", at: inPrivileged,
		fires: chain(run("x"), do("mkdir", "/tmp/cg"), do("open", "/tmp/cg/cgroup.procs", "wc")), near: as("x", "open", "/tmp/cgroup.type", "wc")},
	{name: "a cron job of the node's", rule: "host_setting_written_in_container", at: inPrivileged,
		fires: chain(run("x"), do("mkdir", "/tmp/host"), do("mkdir", "/tmp/host/etc"), do("mkdir", "/tmp/host/etc/cron.d"), do("open", "/tmp/host/etc/cron.d/x", "wc")),
		near:  as("x", "open", "/tmp/host.cron.d", "wc")},
	{name: "a file moved past the links on its way", rule: "name_through_process", fires: as("x", "link", "/tmp/file", "/proc/self/root/etc/cron.d/linked2"), near: as("x", "link", "/tmp/file", "/tmp/linked2")},
	{name: "a miner", rule: "crypto_miner_started", at: inPod, fires: only("xmrig"), near: only("x")},
}

// TestContainerdLibrary goes round what rules look for, and has the shipped ones find it all the same.
func TestContainerdLibrary(t *testing.T) {
	s := newLibraryStage(t)
	for _, act := range libraryActs {
		t.Run(strings.ReplaceAll(act.name, "/", " "), func(t *testing.T) { s.try(t, act) })
	}
	s.watch.end()
}

func newLibraryStage(t *testing.T) *stage {
	actor, err := acts.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, act := range libraryActs {
		names = append(append(names, act.fires.Names()...), act.near.Names()...)
	}
	s := &stage{root: t.TempDir(), running: map[place]string{}, pods: map[place]containerd.Pod{}}
	s.runtime = startContainerd(t, containerd.Program{From: actor, Folder: acts.Folder, Links: names})
	s.fillRoot(t, actor, names)
	s.fillFilesystem(t)
	t.Setenv("GOARCH", "386")
	actor32, err := acts.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(actor32)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.root, acts.Folder, "actor32"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	fences := filepath.Join(t.TempDir(), "fence.yaml")
	write(t, fences, []byte(fence))
	s.watch = startSensor(t, func(c *Config) {
		c.Container.Sockets = []string{s.runtime.Socket}
		c.Rules.Paths = []string{fences}
	})
	s.startContainers(t)
	return s
}

// fillFilesystem makes one of its own in the root, since a bind mount is told by the path from its filesystem's root.
func (s *stage) fillFilesystem(t *testing.T) {
	t.Helper()
	fs := filepath.Join(s.root, "fs")
	for _, dir := range []string{fs, filepath.Join(s.root, "mnt")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("tmpfs", fs, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(fs, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if err := os.Mkdir(filepath.Join(fs, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shadow", "hostname"} {
		write(t, filepath.Join(fs, "etc", name), nil)
	}
	// One for each act, since alerts on one file are throttled.
	for _, name := range []string{"gshadow", "gshadow-", "shadow-"} {
		write(t, filepath.Join(s.root, "etc", name), nil)
	}
}
