/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* process.c - processes come, change their image, move between cgroups, and go. These records are
 * always sent: without them the sensor would not know whose the other records are.
 */

/* on_fork runs in the parent once the child has its ids and its cgroup, and before it first runs:
 * its record precedes all of the child's. Threads are told apart by the reader.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct scratch *s = get_scratch();
	struct fork_event *e;
	struct pid *pid;

	if (!s)
		return 0;
	/* clone3 can put the child elsewhere: that cgroup's path must be known first, too. */
	if (task_cgroup(child) != task_cgroup(parent)) {
		begin_record(s, child, EVENT_FORK, 0, sizeof(*e));
		doubt_cgroup(task_cgroup(child));
	}
	begin_record(s, parent, EVENT_FORK, 0, sizeof(*e));
	e = &s->record.fork;
	e->start_ns = child->start_boottime;
	e->cgroup_id = task_cgroup(child)->kn->id;
	e->tgid = child->tgid;
	e->tid = child->pid;
	pid = child->thread_pid;
	e->vpid = READ_MEMORY(pid->numbers[pid->level].nr);
	send_record(s, sizeof(*e));
	return 0;
}

/* on_exit runs once per thread. Two last threads that exit at the same time may both see that no
 * other is left.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct scratch *s = get_scratch();
	struct exit_event *e;

	if (!s)
		return 0;
	begin_record(s, task, EVENT_EXIT, 0, sizeof(*e));
	e = &s->record.exit;
	e->group_dead = task->signal->live.counter == 0;
	send_record(s, sizeof(*e));
	return 0;
}

/* on_cgroup_attach runs in the process that moves another, once for each v1 hierarchy: only the
 * containers' own counts.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	struct scratch *s = get_scratch();
	struct cgroup_event *e;

	if (!s || task_cgroup(task) != cgroup)
		return 0;
	begin_record(s, task, EVENT_CGROUP_MOVE, 0, sizeof(*e));
	doubt_cgroup(cgroup);
	e = &s->record.cgroup;
	e->id = cgroup->kn->id;
	e->path_len = append_kernel_str(s, sizeof(*e), path);
	send_record(s, sizeof(*e));
	return 0;
}

/* read_ids fills in the ids that a process shares with others, and those in its own namespace. A
 * group made outside of that has no id inside.
 */
static __always_inline void read_ids(struct exec_event *e, struct task_struct *task)
{
	struct pid *pid = task->thread_pid;
	struct pid *group = task->signal->pids[PIDTYPE_PGID];
	struct pid *session = task->signal->pids[PIDTYPE_SID];
	__u32 level = pid->level;
	struct pid_namespace *ns = READ_MEMORY(pid->numbers[level].ns);
	struct task_struct *init = READ(ns, child_reaper);

	e->vpid = READ_MEMORY(pid->numbers[level].nr);
	e->pgid = READ_MEMORY(group->numbers[0].nr);
	e->sid = READ_MEMORY(session->numbers[0].nr);
	if (group->level >= level)
		e->vpgid = READ_MEMORY(group->numbers[level].nr);
	e->pidns_start_ns = READ(init, start_boottime);
	e->loginuid = -1;
	e->sessionid = -1;
	if (bpf_core_field_exists(struct task_struct, loginuid)) {
		e->loginuid = task->loginuid.val;
		e->sessionid = task->sessionid;
	}
}

/* read_tty encodes the controlling terminal's number as the kernel does for user space. */
static __always_inline void read_tty(struct exec_event *e, struct task_struct *task)
{
	struct tty_struct *tty = task->signal->tty;

	if (!tty)
		return;

	struct tty_driver *driver = tty->driver;
	__u32 minor = driver->minor_start + tty->index;
	e->tty = (minor & 0xff) | driver->major << 8 | (minor & ~0xff) << 12;
}

static __always_inline void read_times(struct exec_event *e, struct inode *inode)
{
	struct inode___plain *plain = (void *)inode;
	struct inode___wrapped *wrapped = (void *)inode;

	if (bpf_core_field_exists(struct inode, i_ctime_sec)) {
		e->ctime_sec = READ(inode, i_ctime_sec);
		/* From 6.13 the highest bit says that someone asked for the time. */
		e->ctime_nsec = READ(inode, i_ctime_nsec) & ~(1U << 31);
		e->mtime_sec = READ(inode, i_mtime_sec);
		e->mtime_nsec = READ(inode, i_mtime_nsec);
		return;
	}
	if (bpf_core_field_exists(struct inode___wrapped, __i_ctime)) {
		e->ctime_sec = READ(wrapped, __i_ctime.tv_sec);
		e->ctime_nsec = READ(wrapped, __i_ctime.tv_nsec);
	} else {
		e->ctime_sec = READ(plain, i_ctime.tv_sec);
		e->ctime_nsec = READ(plain, i_ctime.tv_nsec);
	}
	if (bpf_core_field_exists(struct inode___wrapped, __i_mtime)) {
		e->mtime_sec = READ(wrapped, __i_mtime.tv_sec);
		e->mtime_nsec = READ(wrapped, __i_mtime.tv_nsec);
	} else {
		e->mtime_sec = READ(plain, i_mtime.tv_sec);
		e->mtime_nsec = READ(plain, i_mtime.tv_nsec);
	}
}

/* upper_layer: an overlay's inode has a dentry in the upper layer if the file was written since the
 * layers below were made.
 */
static __always_inline enum tri upper_layer(struct inode *inode, __u64 magic)
{
	void *upper;

	if (magic != OVERLAYFS_MAGIC)
		return TRI_FALSE;
	if (!overlay_upper ||
		bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + overlay_upper))
		return TRI_UNKNOWN;
	return upper ? TRI_TRUE : TRI_FALSE;
}

/* chrooted: the root is a directory on its mount, or a mount in the middle of the tree. The top of
 * the tree may itself be mounted on the top of another.
 */
static __always_inline bool chrooted(struct fs_struct *fs)
{
	struct place root = place_of(&fs->root);
	struct mount *m = (void *)root.mnt - bpf_core_field_offset(struct mount, mnt);
	struct mount *parent = READ(m, mnt_parent);

	if (root.dentry != root.mnt_root)
		return 1;
	return parent != m && READ(m, mnt_mountpoint) != READ(parent, mnt.mnt_root);
}

/* read_exe: what an executable's path is worth depends on the tree that it is a path in. */
static __always_inline void read_exe(
	struct scratch *s, struct exec_event *e, struct file *exe, struct fs_struct *fs)
{
	struct inode *inode = exe->f_inode;
	struct vfsmount *mnt = exe->f_path.mnt;
	struct super_block *sb = inode->i_sb;

	read_inode(&e->exe, inode);
	read_real(s, sizeof(*e), &e->exe, place_of(&exe->f_path));
	read_times(e, inode);
	e->owner = inode->i_uid.val;
	e->group = inode->i_gid.val;
	e->upper_layer = upper_layer(inode, sb->s_magic);
	if (sb->s_flags & SB_RDONLY || mnt->mnt_flags & MNT_READONLY)
		e->flags |= EXEC_READ_ONLY;
	if (mnt != fs->root.mnt)
		e->flags |= EXEC_OTHER_MOUNT;
	if (chrooted(fs))
		e->flags |= EXEC_CHROOTED;
}

/* read_memory appends argv and the environment from the new image, whose stack was just written. */
static __always_inline void read_memory(
	struct scratch *s, struct exec_event *e, struct mm_struct *mm)
{
	__u64 args = mm->arg_end - mm->arg_start;
	__u64 env = mm->env_end - mm->env_start;

	if (args > TEXT_MAX) {
		args = TEXT_MAX;
		e->flags |= EXEC_ARGS_CUT;
	}
	e->args_len = append_user(s, sizeof(*e), (void *)mm->arg_start, args);
	if (!(scopes[EVENT_EXEC] & SCOPE_ENVIRONMENT))
		return;
	if (env > TEXT_MAX) {
		env = TEXT_MAX;
		e->flags |= EXEC_ENV_CUT;
	}
	e->env_len = append_user(s, sizeof(*e), (void *)mm->env_start, env);
}

/* on_exec runs in the new image. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct scratch *s = get_scratch();
	struct mm_struct *mm = task->mm;
	struct exec_event *e;
	__u8 ignored = 0;

	if (!s)
		return 0;
	begin_record(s, task, EVENT_EXEC, 0, sizeof(*e));
	e = &s->record.exec;
	if (mm->task_size <= 1UL << 32)
		e->header.via = VIA_COMPAT;
	if (old_pid != task->pid)
		e->old_tid = old_pid;
	read_ids(e, task);
	read_tty(e, task);
	read_memory(s, e, mm);
	e->filename_len = append_kernel_str(s, sizeof(*e), bprm->filename);
	read_exe(s, e, mm->exe_file, task->fs);
	e->cwd_status = walk_place(s, task, place_of(&task->fs->pwd), &ignored);
	e->cwd_len = append_path(s, sizeof(*e));
	send_record(s, sizeof(*e));
	return 0;
}
