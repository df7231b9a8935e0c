/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* file.c - files are opened, removed, renamed, made executable. */

#define O_ACCMODE   03
#define O_CREAT	    0100
#define __O_TMPFILE 020000000

/* open_args: the calls differ only in where their arguments stand. */
static __always_inline const void *open_args(struct scratch *s, struct open_event *e, __s32 *dirfd)
{
	struct open_how how = {};
	const void *path = (void *)call_arg(s, 1);

	*dirfd = call_arg(s, 0);
	switch (e->header.kind) {
	case EVENT_OPENAT2:
		if (bpf_probe_read_user(&how, sizeof(how), (void *)call_arg(s, 2)))
			count_drop(DROP_USER_MEMORY, EVENT_OPENAT2);
		break;
	case EVENT_OPENAT:
		how.flags = (__u32)call_arg(s, 2);
		how.mode = call_arg(s, 3);
		break;
	default:
		path = (void *)call_arg(s, 0);
		*dirfd = AT_FDCWD;
		how.mode = call_arg(s, 1);
		if (e->header.kind == EVENT_OPEN) {
			how.flags = (__u32)call_arg(s, 1);
			how.mode = call_arg(s, 2);
		}
	}
	e->flags = how.flags;
	/* Without these the argument is not there, and the register holds anything. */
	if (e->header.kind == EVENT_CREAT || how.flags & (O_CREAT | __O_TMPFILE))
		e->mode = how.mode & 07777;
	e->directory = !!(how.flags & O_DIRECTORY);
	return path;
}

/* The path as asked and that of the file which the descriptor refers to can differ: by links, and
 * by a thread that changes the path or the descriptor in between. Both are sent.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_open, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct open_event));
	struct open_event *e;
	const void *path;
	__s32 dirfd;

	if (!s)
		return 0;
	e = &s->record.open;
	path = open_args(s, e, &dirfd);
	read_path_arg(s, sizeof(*e), &e->path, dirfd, path);
	if (ret >= 0) {
		struct file *file = file_of(bpf_get_current_task_btf(), ret);

		if (file) {
			/* openat2 has its flags in memory, where another thread can change them
			 * before this. */
			if (e->header.kind == EVENT_OPENAT2)
				e->flags =
					(e->flags & ~O_ACCMODE) | (READ(file, f_flags) & O_ACCMODE);
			read_file(s, sizeof(*e), &e->file, file, READ(file, f_inode));
		}
	}
	send_record(s, sizeof(*e));
	return 0;
}

/* No path leads to the file: the descriptor that is given is of anything on its filesystem. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_open_by_handle, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct open_event));
	struct open_event *e;
	struct file *file;

	if (!s)
		return 0;
	e = &s->record.open;
	e->path.dirfd = call_arg(s, 0);
	e->flags = (__u32)call_arg(s, 2);
	e->directory = !!(e->flags & O_DIRECTORY);
	if (ret >= 0) {
		file = file_of(bpf_get_current_task_btf(), ret);
		if (file)
			read_file(s, sizeof(*e), &e->file, file, READ(file, f_inode));
	}
	send_record(s, sizeof(*e));
	return 0;
}

/* on_path is for calls on one path, with a number behind it or none. An exec that failed is one:
 * the process goes on as it was. What was removed has no path any more: there is only the one asked
 * for.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_path, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct path_event));
	struct path_event *e;
	bool at;

	if (!s)
		return 0;
	e = &s->record.path;
	at = e->header.kind == EVENT_EXECVEAT || e->header.kind == EVENT_UNLINKAT;
	switch (e->header.kind) {
	case EVENT_EXECVEAT:
		e->flags = (__u32)call_arg(s, 4);
		break;
	case EVENT_UNLINKAT:
		e->flags = (__u32)call_arg(s, 2);
		break;
	case EVENT_UMOUNT2:
		e->flags = (__u32)call_arg(s, 1);
		break;
	case EVENT_TRUNCATE:
		e->flags = call_arg(s, 1);
	}
	read_path_arg(s, sizeof(*e), &e->path, at ? (__s32)call_arg(s, 0) : AT_FDCWD,
		at ? (void *)call_arg(s, 1) : (void *)call_arg(s, 0));
	send_record(s, sizeof(*e));
	return 0;
}

/* on_rename is for calls on an old path and a new one: renames, hard links. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_rename, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct path_event));
	__s32 from_dir = AT_FDCWD, to_dir = AT_FDCWD;
	const void *from, *to;
	struct path_event *e;

	if (!s)
		return 0;
	e = &s->record.path;
	from = (void *)call_arg(s, 0);
	to = (void *)call_arg(s, 1);
	if (e->header.kind != EVENT_RENAME && e->header.kind != EVENT_LINK) {
		from_dir = call_arg(s, 0);
		from = (void *)call_arg(s, 1);
		to_dir = call_arg(s, 2);
		to = (void *)call_arg(s, 3);
	}
	if (e->header.kind == EVENT_RENAMEAT2 || e->header.kind == EVENT_LINKAT)
		e->flags = (__u32)call_arg(s, 4);
	read_path_arg(s, sizeof(*e), &e->path, from_dir, from);
	read_path_arg(s, sizeof(*e), &e->new_path, to_dir, to);
	send_record(s, sizeof(*e));
	return 0;
}

/* What a symbolic link points at is a text: it need not exist, and is looked up from the link. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_symlink, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct path_event));
	struct path_event *e;
	bool at;

	if (!s)
		return 0;
	e = &s->record.path;
	at = e->header.kind == EVENT_SYMLINKAT;
	e->path.dirfd = AT_FDCWD;
	read_path_text(s, sizeof(*e), &e->path, (void *)call_arg(s, 0));
	read_path_arg(s, sizeof(*e), &e->new_path, at ? (__s32)call_arg(s, 1) : AT_FDCWD,
		at ? (void *)call_arg(s, 2) : (void *)call_arg(s, 1));
	send_record(s, sizeof(*e));
	return 0;
}

/* on_mode is for calls on one path and a mode, and flags or a device behind that: what is there
 * gets another mode, or what has it is made.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_mode, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct path_event));
	struct path_event *e;
	bool at, node;

	if (!s)
		return 0;
	e = &s->record.path;
	at = e->header.kind != EVENT_CHMOD && e->header.kind != EVENT_MKDIR &&
	     e->header.kind != EVENT_MKNOD;
	node = e->header.kind == EVENT_MKNOD || e->header.kind == EVENT_MKNODAT;
	/* A node's type stands in its mode. */
	e->mode = (at ? call_arg(s, 2) : call_arg(s, 1)) & (node ? 0177777 : 07777);
	if (node || e->header.kind == EVENT_FCHMODAT2)
		e->flags = (__u32)(at ? call_arg(s, 3) : call_arg(s, 2));
	read_path_arg(s, sizeof(*e), &e->path, at ? (__s32)call_arg(s, 0) : AT_FDCWD,
		at ? (void *)call_arg(s, 1) : (void *)call_arg(s, 0));
	send_record(s, sizeof(*e));
	return 0;
}
