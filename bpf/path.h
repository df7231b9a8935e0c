/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* path.h - the kernel's path of a file, and paths as processes ask for them. */
#ifndef TIERCEL_PATH_H
#define TIERCEL_PATH_H

/* Steps of a walk: components and mounts crossed. */
#define PATH_STEPS 64

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

/* forget makes a pointer a mere number: what comes back from the map is one, whatever kind of
 * pointer the verifier saw go in. Ways through the program that differ in that alone meet again.
 */
static __always_inline void *forget(struct scratch *s, const void *pointer)
{
	volatile struct scratch *v = s;

	v->forgotten = (__u64)pointer;
	return (void *)v->forgotten;
}

/* A place in the tree of mounts. */
struct place {
	struct vfsmount *mnt;
	struct dentry *dentry;
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

static __always_inline struct place place_of(struct path *p)
{
	struct place at;

	at.mnt = READ(p, mnt);
	at.dentry = READ(p, dentry);
	at.mnt_root = READ(at.mnt, mnt_root);
	at.mnt_sb = READ(at.mnt, mnt_sb);
	return at;
}

/* mnt_parent and mnt_mountpoint are neighbours in struct mount. */
struct mount_link {
	struct mount *parent;
	struct dentry *mountpoint;
};

/* walk builds the path from a root down to a place. It stops where d_path does: at the root, or at
 * the top of what the place is mounted on. A mnt_root of NULL keeps it on one filesystem.
 *
 * A helper's call costs more than what it reads: neighbours are read at once. Direct reads would be
 * cheaper still, but of the pointers that they make the verifier knows the kind, and sees many more
 * ways through the loop than of mere numbers (four times the instructions, on 6.18).
 */
static __always_inline enum path_status walk(struct scratch *s, struct place at,
	struct vfsmount *root_mnt, struct dentry *root, __u8 *flags)
{
	__u32 mnt_offset = bpf_core_field_offset(struct mount, mnt);

	at.mnt = forget(s, at.mnt);
	at.dentry = forget(s, at.dentry);
	at.mnt_root = forget(s, at.mnt_root);
	s->path_off = PATH_SIZE;
	for (int i = 0; i < PATH_STEPS; i++) {
		if (at.dentry == root && at.mnt == root_mnt)
			return PATH_RESOLVED;
		if (at.dentry == at.mnt_root) {
			struct mount *m = (void *)at.mnt - mnt_offset;
			struct mount_link up;

			bpf_probe_read_kernel(&up, sizeof(up), &m->mnt_parent);
			if (up.parent == m) {
				*flags |= PATH_FOREIGN;
				return PATH_RESOLVED;
			}
			at.dentry = up.mountpoint;
			at.mnt = (void *)up.parent + mnt_offset;
			at.mnt_root = READ_MEMORY(at.mnt->mnt_root);
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

/* walk_place resolves a place as the process sees it. */
static __always_inline enum path_status walk_place(
	struct scratch *s, struct task_struct *task, struct place at, __u8 *flags)
{
	struct fs_struct *fs = task->fs;

	return walk(s, at, fs->root.mnt, fs->root.dentry, flags);
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
	return READ_MEMORY(table->fd[(__u32)fd]);
}

/* read_path_text reads a path from the process's memory; false: it was not resident. */
static __always_inline bool read_path_text(
	struct scratch *s, __u32 fixed, struct path_arg *arg, const void *from)
{
	long n = append_user_str(s, fixed, from);

	if (n < 0) {
		arg->flags |= PATH_UNREADABLE;
		return 0;
	}
	arg->raw_len = n;
	return 1;
}

/* read_base finds the directory that a path starts from, if it is relative. A directory that was
 * given is of interest even if the path does not need it.
 */
static __always_inline void read_base(
	struct scratch *s, __u32 fixed, struct path_arg *arg, __s32 dirfd, const __u8 *text)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct path *base = &task->fs->pwd;

	if (arg->raw_len && *text == '/' && dirfd == AT_FDCWD)
		return;
	if (dirfd != AT_FDCWD) {
		struct file *file = file_of(task, dirfd);

		if (!file)
			return;
		base = &file->f_path;
	}
	arg->base_status = walk_place(s, task, place_of(base), &arg->flags);
	arg->base_len = append_path(s, fixed);
}

static __always_inline void read_path_arg(
	struct scratch *s, __u32 fixed, struct path_arg *arg, __s32 dirfd, const void *from)
{
	__u8 *text = text_end(s, fixed);

	arg->dirfd = dirfd;
	if (read_path_text(s, fixed, arg, from))
		read_base(s, fixed, arg, dirfd, text);
}

#endif
