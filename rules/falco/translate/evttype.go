package translate

import (
	"slices"
	"strings"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/syntax"
	"tiercel.dev/rules/field"
)

// wider are the newer calls that do what a call does which Falco's rules name.
var wider = map[string]string{"fchmodat": "fchmodat2", "sendmsg": "sendmmsg", "recvmsg": "recvmmsg"}

// byHandle opens a file as open does, by a handle in place of a path.
const byHandle = "open_by_handle_at"

// opened are the calls that open_by_handle_at is like.
var opened = []string{"open", "openat", "openat2"}

// callTypes is evt.type being any of the names.
func (t *translation) callTypes(at int, of []syntax.Value, opens bool) term {
	names := t.known(of)
	return callTypeTest(at, append(names, t.more(names, opens)...))
}

// callTypesIn is evt.type in a list. A list of which we do not see some types is written out without these.
func (t *translation) callTypesIn(at int, l values, opens bool) term {
	named := t.known(l.all)
	if len(l.lists) == 0 || len(named) < len(distinct(l.all)) {
		return callTypeTest(at, append(named, t.more(named, opens)...))
	}
	var terms []term
	for _, name := range l.lists {
		terms = append(terms, related(at, "evt.type in "+t.names.List(name, condition.OfText)))
	}
	constants := append(distinct(l.constants), t.more(named, opens)...)
	if len(constants) > 0 {
		terms = append(terms, callTypeTest(at, constants))
	}
	return joined(at, " || ", or, terms)
}

func callTypeTest(at int, names []string) term {
	switch len(names) {
	case 0:
		return boolean(at, false)
	case 1:
		return either(related(at, "evt.type == "+quoted(names[0])), related(at, "evt.type != "+quoted(names[0])))
	}
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = quoted(n)
	}
	return related(at, "evt.type in "+list(texts))
}

func distinct(of []syntax.Value) []string {
	var out []string
	for _, v := range of {
		if !slices.Contains(out, v.Text) {
			out = append(out, v.Text)
		}
	}
	return out
}

// known are those types that we see.
func (t *translation) known(of []syntax.Value) []string {
	var out []string
	for _, v := range of {
		switch {
		case slices.Contains(out, v.Text):
		case event.KindsOf(v.Text).Len() > 0:
			out = append(out, v.Text)
		case slices.Contains(eventTypes, v.Text):
			t.warn(v.At(), warnCondition, "the sensor does not see events of type %s: none will match", v.Text)
		default:
			message := "unknown event type " + quoted(v.Text)
			if near := field.Nearest(v.Text, eventTypes); near != "" {
				message += ": did you mean " + near + "?"
			}
			t.fail(v.At(), "%s", message)
		}
	}
	return out
}

// more are the types that the named ones stand for besides.
func (t *translation) more(named []string, opens bool) []string {
	if t.opt.Exact {
		return nil
	}
	var out []string
	add := func(name string) {
		if !slices.Contains(named, name) && !slices.Contains(out, name) && event.KindsOf(name).Len() > 0 {
			out = append(out, name)
		}
	}
	for _, name := range named {
		if w := wider[name]; w != "" {
			add(w)
		}
		if opens && slices.Contains(opened, name) {
			add(byHandle)
		}
	}
	return out
}

// eventTypes are Falco's: system calls, most of which it reports by name alone, and what else happens.
var eventTypes = strings.Fields(`
_sysctl accept accept4 access acct add_key adjtimex afs_syscall alarm arch_prctl arm_fadvise64_64 asyncevent bdflush bind bpf break brk
cachestat capget capset chdir chmod chown chown32 chroot clock_adjtime clock_getres clock_gettime clock_nanosleep clock_settime clone clone3
close close_range connect container copy_file_range cpu_hotplug creat create_module delete_module drop dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat
exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown
fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr finit_module flistxattr flock fork fremovexattr fsconfig
fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftime ftruncate ftruncate64 futex futex_requeue futex_time64
futex_wait futex_waitv futex_wake futimesat get_kernel_syms get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64
getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid getpmsg getppid
getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday
getuid getuid32 getxattr getxattrat group_added group_deleted gtty idle infra init_module inotify_add_watch inotify_init inotify_init1
inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup ioctl
ioperm iopl ioprio_get ioprio_set ipc k8s kcmp kexec_file_load kexec_load keyctl kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listmount listns listxattr listxattrat llistxattr llseek lock
lookup_dcookie lremovexattr lseek lsetxattr lsm_get_self_attr lsm_list_modules lsm_set_self_attr lstat lstat64 madvise map_shadow_stack mbind
membarrier memfd_create memfd_secret mesos migrate_pages mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt
mount mount_setattr move_mount move_pages mprotect mpx mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap mseal
msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat newselect nfsservctl nice notification
oldfstat oldlstat oldolduname oldstat olduname open open_by_handle_at open_tree open_tree_attr openat openat2 page_fault pause
pciconfig_iobase pciconfig_read pciconfig_write perf_event_open personality pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root
pkey_alloc pkey_free pkey_mprotect pluginevent poll ppoll prctl pread pread64 preadv preadv2 prlimit prlimit64 process_madvise
process_mrelease process_vm_readv process_vm_writev procexit procinfo prof profil pselect6 ptrace putpmsg pwrite pwrite64 pwritev pwritev2
query_module quotactl quotactl_fd read readahead readdir readlink readlinkat readv reboot recv recvfrom recvmmsg recvmsg remap_file_pages
removexattr removexattrat rename renameat renameat2 request_key restart_syscall riscv_flush_icache riscv_hwprobe rmdir rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo rtas s390_guarded_storage
s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr s390_sthyi sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
sched_yield scapevent seccomp security select semctl semget semop semtimedop send sendfile sendfile64 sendmmsg sendmsg sendto
set_mempolicy set_mempolicy_home_node set_robust_list set_thread_area set_tid_address setdomainname setfsgid setfsgid32 setfsuid setfsuid32
setgid setgid32 setgroups setgroups32 sethostname setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
setresuid32 setreuid setreuid32 setrlimit setsid setsockopt settimeofday setuid setuid32 setxattr setxattrat sgetmask shmat shmctl shmdt
shmget shutdown sigaction sigaltstack signal signaldeliver signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend socket socketcall
socketpair splice spu_create spu_run ssetmask stat stat64 statfs statfs64 statmount statx stime stty swapcontext swapoff swapon switch
symlink symlinkat sync sync_file_range sync_file_range2 syncfs sys_debug_setcontext sysfs sysinfo syslog syscall tee tgkill time
timer_create timer_delete timer_getoverrun timer_gettime timer_settime timerfd timerfd_create timerfd_gettime timerfd_settime times tkill
tracer truncate truncate64 tuxcall ugetrlimit ulimit umask umount umount2 uname unlink unlinkat unshare uretprobe uselib user_added
user_deleted userfaultfd ustat utime utimensat utimes utrap_install vfork vhangup vm86 vm86old vmsplice vserver wait4 waitid waitpid write
writev`)
