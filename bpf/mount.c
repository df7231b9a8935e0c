/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* mount.c - filesystems are mounted, at once or step by step, and a process's root is changed. */

#define FSCONFIG_SET_STRING	1
#define FSCONFIG_SET_PATH	3
#define FSCONFIG_SET_PATH_EMPTY 4
#define MOVE_MOUNT_F_EMPTY_PATH 4

/* Source and type may be absent: a remount has neither. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_mount, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct path_event));
	const void *source, *fstype;
	struct path_event *e;
	long n;

	if (!s)
		return 0;
	e = &s->record.path;
	source = (void *)call_arg(s, 0);
	fstype = (void *)call_arg(s, 2);
	e->flags = call_arg(s, 3);
	read_path_arg(s, sizeof(*e), &e->path, AT_FDCWD, (void *)call_arg(s, 1));
	if (source && (n = append_user_str(s, sizeof(*e), source)) > 0)
		e->source_len = n;
	if (fstype && (n = append_user_str(s, sizeof(*e), fstype)) > 0)
		e->fstype_len = n;
	send_record(s, sizeof(*e));
	return 0;
}

/* append_mount appends what mount(2) would have been given for a mount. */
static __always_inline void append_mount(
	struct scratch *s, struct tree_event *e, struct vfsmount *mnt)
{
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	struct super_block *sb = READ(mnt, mnt_sb);
	struct file_system_type *type = READ(sb, s_type);

	e->fstype_len = append_kernel_str(s, sizeof(*e), READ(type, name));
	e->source_len = append_kernel_str(s, sizeof(*e), READ(m, mnt_devname));
}

/* append_tree tells of the mount behind a descriptor. */
static __always_inline void append_tree(struct scratch *s, struct tree_event *e, __s32 fd)
{
	struct file *file = file_of(bpf_get_current_task_btf(), fd);

	e->fd = fd;
	if (fd < 0 || !file)
		return;
	append_mount(s, e, READ(file, f_path.mnt));
	read_file(s, sizeof(*e), &e->file, file, READ(file, f_inode));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_fsopen, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct tree_event *e;
	long n;

	if (!s)
		return 0;
	e = &s->record.tree;
	n = append_user_str(s, sizeof(*e), (void *)call_arg(s, 0));
	if (n > 0)
		e->fstype_len = n;
	e->flags = (__u32)call_arg(s, 1);
	e->fd = ret;
	send_record(s, sizeof(*e));
	return 0;
}

/* fsconfig gives a filesystem that is being made one option: the source among them. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_fsconfig, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct tree_event *e;
	const void *key;
	long n;

	if (!s)
		return 0;
	e = &s->record.tree;
	key = (void *)call_arg(s, 2);
	e->fd = call_arg(s, 0);
	e->command = call_arg(s, 1);
	e->aux = call_arg(s, 4);
	if (key && (n = append_user_str(s, sizeof(*e), key)) > 0)
		e->fstype_len = n;
	switch (e->command) {
	case FSCONFIG_SET_STRING:
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		n = append_user_str(s, sizeof(*e), (void *)call_arg(s, 3));
		if (n > 0)
			e->source_len = n;
	}
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_fsmount, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct tree_event *e;

	if (!s)
		return 0;
	e = &s->record.tree;
	e->flags = (__u32)call_arg(s, 1);
	e->attributes = call_arg(s, 2);
	append_tree(s, e, ret);
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_open_tree, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct tree_event *e;

	if (!s)
		return 0;
	e = &s->record.tree;
	e->flags = (__u32)call_arg(s, 2);
	read_path_arg(s, sizeof(*e), &e->path, call_arg(s, 0), (void *)call_arg(s, 1));
	append_tree(s, e, ret);
	send_record(s, sizeof(*e));
	return 0;
}

/* What is moved is mostly a descriptor, of a mount that by now has its place: the path that an
 * empty one starts from.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_move_mount, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct tree_event *e;
	struct file *file;
	__u8 *text;

	if (!s)
		return 0;
	e = &s->record.tree;
	e->flags = (__u32)call_arg(s, 4);
	e->fd = -1;
	e->path.dirfd = call_arg(s, 0);
	text = text_end(s, sizeof(*e));
	/* Where it may be empty, what is not resident is. */
	if (read_path_text(s, sizeof(*e), &e->path, (void *)call_arg(s, 1)) ||
		e->flags & MOVE_MOUNT_F_EMPTY_PATH)
		read_base(s, sizeof(*e), &e->path, e->path.dirfd, text);
	read_path_arg(s, sizeof(*e), &e->new_path, call_arg(s, 2), (void *)call_arg(s, 3));
	file = file_of(bpf_get_current_task_btf(), e->path.dirfd);
	if (!e->path.raw_len && file) {
		struct place at = place_of(&file->f_path);

		e->fd = e->path.dirfd;
		append_mount(s, e, at.mnt);
		read_inode(&e->file, READ(file, f_inode));
		e->file.dev = READ(at.mnt_sb, s_dev);
		e->file.status = e->path.base_status;
		e->file.flags = e->path.flags;
		read_fspath(s, sizeof(*e), &e->file, at);
	}
	send_record(s, sizeof(*e));
	return 0;
}

/* The new root's path is that from the top of the mounts: from itself it is none. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_chroot, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct tree_event));
	struct fs_struct *fs = bpf_get_current_task_btf()->fs;
	struct tree_event *e;
	__u8 ignored = 0;

	if (!s)
		return 0;
	e = &s->record.tree;
	e->fd = -1;
	read_path_arg(s, sizeof(*e), &e->path, AT_FDCWD, (void *)call_arg(s, 0));
	if (!ret) {
		struct place root = place_of(&fs->root);

		read_inode(&e->file, READ(root.dentry, d_inode));
		e->file.dev = READ(root.mnt_sb, s_dev);
		e->file.status = walk(s, root, 0, 0, &ignored);
		e->file.real_len = append_path(s, sizeof(*e));
	}
	send_record(s, sizeof(*e));
	return 0;
}
