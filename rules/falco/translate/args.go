package translate

import "strings"

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

// argNames are the names of the parameters of Falco's events. One that no event here has is missing, and a comparison with
// it is false; one that is not among them is a slip of the pen.
var argNames = set(`
ID addr advice args backlog bsize_dummy cap_effective cap_inheritable cap_permitted cgroups clockid cmd comm core cpu cur cwd data desc
description dev dir dirfd domain dqb_bhardlimit dqb_bsoftlimit dqb_btime dqb_curspace dqb_ihardlimit dqb_isoftlimit dqb_itime dqi_bgrace
dqi_flags dqi_igrace dst dst_fd dummy egid env error euid event event_data exe exe_ino exe_ino_ctime exe_ino_mtime fd fdin fdlimit fdout fds
features filename flags from fs_type func gid groups guid home how id id_type image img_paths in initval interval ip itime json key layer
len length level linkdirfd linkpath log_level loginuid mask max maxevents min_complete mode mountflags name nativeID new new_limit newcur
newdirfd newfd newmax newpath next nr_args nstype nsize num off offset old old_limit oldcur olddirfd oldfd oldmax oldpath op opcode
optlen optname option out path peer pgft_maj pgft_min pgid pgoffset pid pidns_init_start_ts pidfd plugin_ID pos prot proto ptid ptr qcmd
queuelen queuemax queuepct quota_fmt quotafilepath reaper_tid regs request res resource ret rgid ruid scope seed set sgid shell sig sigmask
size source special spid src status suid tags target target_fd tid time timeout to to_submit trusted_exepath tty tuple type uargs uid
uri val value vm_rss vm_size vm_swap vpgid vpid vtid whence who
`)

// otherFields are Falco's fields that no event has here, besides arguments.
var otherFields = set(`
proc.is_exe_lower_layer
proc.stdin.type proc.stdout.type proc.stderr.type proc.stdin.name proc.stdout.name proc.stderr.name fd.types user.homedir user.shell
proc.aenv evt.latency evt.latency.s evt.latency.ns evt.latency.quantized evt.latency.human evt.deltatime evt.deltatime.s evt.deltatime.ns
evt.io_dir evt.is_io evt.is_io_read evt.is_io_write evt.is_syscall_network evt.around evt.abspath evt.buflen.in evt.buflen.out evt.is_syncfs
evt.pluginname evt.plugininfo evt.source evt.is_async evt.asynctype evt.wait_latency evt.count.error evt.count.exit evt.count.procinfo
evt.count.threadinfo evt.buffer.len fd.containername fd.containerdirectory fd.proto fd.cproto fd.sproto fd.lproto fd.rproto fd.is_server
fd.is_upper_layer fd.is_lower_layer fdlist.nums fdlist.names fdlist.cips fdlist.sips fdlist.cports fdlist.sports
proc.fdopencount proc.fdlimit proc.fdusage proc.vmsize proc.vmrss proc.vmswap proc.cpu proc.nchilds proc.nthreads proc.exe_ino.ctime_duration_pidns_start
proc.is_sid_leader proc.sid.exe proc.sid.exepath proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath proc.pgid.name proc.pgid.exe
proc.pgid.exepath proc.is_pgid_leader proc.cgroups thread.cgroups thread.cgroup thread.vtid thread.ismain thread.cpu thread.cpu.user
thread.cpu.system thread.exectime thread.totexectime thread.vmsize thread.vmrss thread.pfmajor thread.pfminor thread.nametid
proc.pvpid proc.pcmdnargs proc.pcmdlenargs proc.ppid.ts proc.ppid.duration
`)
