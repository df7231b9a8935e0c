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
