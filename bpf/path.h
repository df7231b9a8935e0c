/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* path.h - the kernel's path of a file, and paths as processes ask for them. */
#ifndef TIERCEL_PATH_H
#define TIERCEL_PATH_H

/* Steps of a walk: components and mounts crossed. */
#define PATH_STEPS 48

/* d_parent and d_name are neighbours in struct dentry: one read gets both. */
struct dentry_link {
	struct dentry *parent;
	__u32 hash;
	__u32 len;
	const void *name;
};

/* prepend puts a name in front of the path that is being built, behind a slash if there is to be
 * one. The offset lives in the map: in a register its range would differ with every branch of the
 * walk, and the verifier could prune nothing.
 */
static __always_inline long prepend(struct scratch *s, const void *name, __u32 len, __u32 slash)
{
	len &= NAME_SIZE - 1;
	if (s->path_off <= len + slash)
		return -1;
	s->path_off -= len + slash;
	s->path[s->path_off & (PATH_SIZE - 1)] = '/';
	bpf_probe_read_kernel(&s->path[(s->path_off + slash) & (PATH_SIZE - 1)], len, name);
	return 0;
}

/* walk builds the path from root down to at. fs is true if mounts are not to be crossed. It stops
 * where d_path does: at the root it was given, or at the top of what the file is mounted on.
 */
static __always_inline enum path_status walk(struct scratch *s, struct path at, struct path root,
	bool fs, __u8 *flags)
{
	struct dentry *mnt_root = fs ? 0 : READ(at.mnt->mnt_root);
	__u32 mnt_offset = bpf_core_field_offset(struct mount, mnt);

	s->path_off = PATH_SIZE;
	for (int i = 0; i < PATH_STEPS; i++) {
		if (at.dentry == root.dentry && at.mnt == root.mnt)
			return PATH_RESOLVED;
		if (at.dentry == mnt_root) {
			struct mount *m = (void *)at.mnt - mnt_offset;
			struct mount *parent = READ(m->mnt_parent);

			if (parent == m) {
				*flags |= PATH_FOREIGN;
				return PATH_RESOLVED;
			}
			at.dentry = READ(m->mnt_mountpoint);
			at.mnt = (void *)parent + mnt_offset;
			mnt_root = READ(at.mnt->mnt_root);
			continue;
		}

		struct dentry_link link;
		bpf_probe_read_kernel(&link, sizeof(link), &at.dentry->d_parent);
		if (link.parent == at.dentry) {
			if (s->path_off == PATH_SIZE)
				prepend(s, link.name, link.len, 0);
			return PATH_UNREACHABLE;
		}
		if (!link.parent || prepend(s, link.name, link.len, 1))
			break;
		at.dentry = link.parent;
	}
	s->path_off = PATH_SIZE;
	count_drop(DROP_PATH_UNRESOLVED, s->record.header.kind);
	return PATH_TOO_DEEP;
}

/* walk_path resolves p as the process sees it. */
static __always_inline enum path_status walk_path(struct scratch *s, struct task_struct *task,
	const struct path *p, __u8 *flags)
{
	struct path at, root;

	bpf_probe_read_kernel(&at, sizeof(at), p);
	bpf_probe_read_kernel(&root, sizeof(root), &task->fs->root);
	return walk(s, at, root, 0, flags);
}

/* append_path appends what walk built. */
static __always_inline __u16 append_path(struct scratch *s, __u32 fixed)
{
	__u32 off = s->path_off & (PATH_SIZE - 1);

	if (!off)
		return 0;
	return append_kernel(s, fixed, &s->path[off], PATH_SIZE - off);
}

static __always_inline struct file *file_of(struct task_struct *task, __s32 fd)
{
	struct fdtable *table = task->files->fdt;

	if ((__u32)fd >= table->max_fds)
		return 0;
	return READ(table->fd[(__u32)fd]);
}

/* read_path_arg reads a path from the process's memory and, if it is relative, finds the directory
 * that it starts from.
 */
static __always_inline void read_path_arg(struct scratch *s, __u32 fixed, struct path_arg *arg,
	__s32 dirfd, const void *from)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u8 *text = text_end(s, fixed);
	long n = append_user_str(s, fixed, from);
	const struct path *base = &task->fs->pwd;

	arg->dirfd = dirfd;
	if (n < 0) {
		arg->flags |= PATH_UNREADABLE;
		return;
	}
	arg->raw_len = n;
	if (n && *text == '/')
		return;
	if (dirfd != AT_FDCWD) {
		struct file *file = file_of(task, dirfd);

		if (!file)
			return;
		base = &file->f_path;
	}
	arg->base_status = walk_path(s, task, base, &arg->flags);
	arg->base_len = append_path(s, fixed);
}

#endif
