/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* fd.h - what a descriptor refers to: a file, or a socket with its addresses. */
#ifndef TIERCEL_FD_H
#define TIERCEL_FD_H

static __always_inline void read_inode(struct file_facts *f, struct inode *inode)
{
	f->mode = READ(inode, i_mode);
	f->ino = READ(inode, i_ino);
}

/* name_namespace puts a namespace's type in place of the path that its file does not have. */
static __always_inline void name_namespace(struct scratch *s, struct dentry *dentry)
{
	struct inode *inode = READ(dentry, d_inode);
	struct ns_common *ns = READ(inode, i_private);
	struct proc_ns_operations *ops = READ(ns, ops);
	long n = bpf_probe_read_kernel_str(s->name, NAME_SIZE, READ(ops, name));

	s->path_off = PATH_SIZE;
	if (n > 0)
		prepend(s, s->name, n - 1, 0);
}

/* read_real appends the path in the process's mount namespace. Files without one, such as a memfd
 * or an event descriptor, have a name on a filesystem that cannot be mounted, and that filesystem
 * tells their type. That of namespaces can be mounted.
 */
static __always_inline void read_real(
	struct scratch *s, __u32 fixed, struct file_facts *f, struct place at)
{
	f->dev = READ(at.mnt_sb, s_dev);
	f->status = walk_place(s, bpf_get_current_task_btf(), at, &f->flags);
	if (f->status == PATH_UNREACHABLE) {
		__u64 magic = READ(at.mnt_sb, s_magic);

		if (magic == NSFS_MAGIC || READ(at.mnt_sb, s_flags) & SB_NOUSER) {
			f->status = PATH_ANONYMOUS;
			f->fs_magic = magic;
		}
		if (magic == NSFS_MAGIC)
			name_namespace(s, at.dentry);
	}
	f->real_len = append_path(s, fixed);
}

/* in_jail: the process's root is a directory inside the mount, and not all of it. */
static __always_inline bool in_jail(struct vfsmount *mnt)
{
	struct path *root = &bpf_get_current_task_btf()->fs->root;

	return root->mnt == mnt && root->dentry != root->mnt->mnt_root;
}

/* read_fspath appends the path from the filesystem's own root where the process's path does not
 * tell it: a bind mount of /etc on /host hides /etc/shadow as /host/shadow, a chroot to /etc as
 * /shadow, and what is bound on a directory deep enough has no such path at all.
 */
static __always_inline void read_fspath(
	struct scratch *s, __u32 fixed, struct file_facts *f, struct place at)
{
	struct dentry *root = READ(at.mnt_sb, s_root);

	/* Behind a text that begins later there is no room for another. */
	if (f->status == PATH_ANONYMOUS || s->text_len > TEXT_MASK)
		return;
	if (at.mnt_root == root && f->status != PATH_TOO_DEEP && !in_jail(at.mnt))
		return;
	at.mnt_root = 0;
	if (walk(s, at, at.mnt, root, &f->flags) == PATH_RESOLVED)
		f->fspath_len = append_path(s, fixed);
}

static __always_inline void read_file(struct scratch *s, __u32 fixed, struct file_facts *f,
	struct file *file, struct inode *inode)
{
	struct place at = place_of(&file->f_path);

	read_inode(f, inode);
	read_real(s, fixed, f, at);
	read_fspath(s, fixed, f, at);
}

/* append_unix appends the address that a unix socket is bound to. An abstract one begins with NUL.
 */
static __always_inline __u16 append_unix(struct scratch *s, __u32 fixed, struct unix_sock *sk)
{
	struct unix_address *address = READ(sk, addr);

	if (!address)
		return 0;

	__s32 len = READ(address, len) - 2;
	if (len <= 0 || len > 108)
		return 0;
	return append_kernel(s, fixed, &address->name[0].sun_path, len);
}

/* append_other appends the end of a unix socket that read_socket did not. */
static __always_inline __u16 append_other(
	struct scratch *s, __u32 fixed, struct socket_facts *k, struct file *file, bool peer)
{
	if (k->family != AF_UNIX || !file)
		return 0;

	struct socket *socket = READ(file, private_data);
	struct unix_sock *sk = (void *)READ(socket, sk);

	return append_unix(s, fixed, peer ? sk : (void *)READ(sk, peer));
}

static __always_inline void read_addresses(struct socket_facts *k, struct sock_common *c)
{
	k->local_port = READ(c, skc_num);
	k->remote_port = READ(c, skc_dport);
	if (k->family == AF_INET) {
		bpf_probe_read_kernel(k->local, 4, &c->skc_rcv_saddr);
		bpf_probe_read_kernel(k->remote, 4, &c->skc_daddr);
	} else {
		bpf_probe_read_kernel(k->local, 16, &c->skc_v6_rcv_saddr);
		bpf_probe_read_kernel(k->remote, 16, &c->skc_v6_daddr);
	}
}

/* read_socket fills in what the socket tells. peer: of a unix socket, the other end's address. */
static __always_inline void read_socket(
	struct scratch *s, __u32 fixed, struct socket_facts *k, struct file *file, bool peer)
{
	struct socket *socket = READ(file, private_data);
	struct sock *sk = READ(socket, sk);
	struct sock_common *c = &sk->__sk_common;

	k->family = READ(c, skc_family);
	k->state = READ(c, skc_state);
	k->protocol = READ(sk, sk_protocol);
	k->type = READ(sk, sk_type);
	if (k->family == AF_INET || k->family == AF_INET6) {
		read_addresses(k, c);
	} else if (k->family == AF_UNIX) {
		struct unix_sock *u = (void *)sk;

		k->unix_len = append_unix(s, fixed, peer ? (void *)READ(u, peer) : u);
	}
}

/* read_socket_file tells all of a socket, and nothing of another file. */
static __always_inline void read_socket_file(
	struct scratch *s, __u32 fixed, struct fd_facts *d, struct file *file, bool peer)
{
	struct inode *inode;

	if (!file)
		return;
	inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	read_inode(&d->file, inode);
	read_socket(s, fixed, &d->socket, file, peer);
}

/* read_facts tells all of a file, or of the socket that it is. */
static __always_inline void read_facts(
	struct scratch *s, __u32 fixed, struct fd_facts *d, struct file *file, bool peer)
{
	struct inode *inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) == S_IFSOCK) {
		read_inode(&d->file, inode);
		read_socket(s, fixed, &d->socket, file, peer);
	} else {
		read_file(s, fixed, &d->file, file, inode);
	}
}

/* read_fd tells all of a descriptor. Without one (a failed call), nothing but its number. */
static __always_inline void read_fd(
	struct scratch *s, __u32 fixed, struct fd_facts *d, __s32 fd, bool peer)
{
	struct file *file = file_of(bpf_get_current_task_btf(), fd);

	d->fd = fd;
	if (fd >= 0 && file)
		read_facts(s, fixed, d, file, peer);
}

/* pid_behind is the process that a pidfd stands for. Before 6.9 a pidfd was an anonymous inode. */
static __always_inline __s32 pid_behind(__s32 fd)
{
	struct file *file = file_of(bpf_get_current_task_btf(), fd);
	struct pid *pid;

	if (fd < 0 || !file)
		return 0;

	struct inode *inode = READ(file, f_inode);
	struct super_block *sb = READ(inode, i_sb);
	if (READ(sb, s_magic) == PID_FS_MAGIC)
		pid = READ(inode, i_private);
	else
		pid = READ(file, private_data);
	return READ_MEMORY(pid->numbers[0].nr);
}

#endif
