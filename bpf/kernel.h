/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* kernel.h - the kernel's types, as far as this sensor reads them. CO-RE finds each field by its
 * name at load time, so the structs are partial on purpose. A name with ___ is another kernel's
 * form of the same struct.
 */
#ifndef TIERCEL_KERNEL_H
#define TIERCEL_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u32 __wsum;
typedef _Bool bool;
typedef __s32 pid_t;

/* From uapi/linux/bpf.h. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};
#define BPF_ANY		  0
#define BPF_NOEXIST	  1
#define BPF_EXIST	  2
#define BPF_RB_AVAIL_DATA 0

/* From uapi headers that are the same on every architecture. */
#define EEXIST		   17
#define AT_FDCWD	   (-100)
#define AF_UNIX		   1
#define AF_INET		   2
#define AF_INET6	   10
#define S_IFMT		   0170000
#define S_IFSOCK	   0140000
#define OVERLAYFS_MAGIC	   0x794c7630
#define NSFS_MAGIC	   0x6e736673
#define PID_FS_MAGIC	   0x50494446
#define F_DUPFD		   0
#define F_DUPFD_CLOEXEC	   1030
#define SB_RDONLY	   (1 << 0)
#define SB_NOUSER	   (1U << 31)
#define MNT_READONLY	   0x40
#define PIDTYPE_PGID	   2
#define PIDTYPE_SID	   3
#define TCP_ESTABLISHED	   1
#define SOCK_STREAM	   1
#define SOL_SOCKET	   1
#define SCM_RIGHTS	   1
#define EINPROGRESS	   115
#define MSG_FASTOPEN	   0x20000000
#define SOCK_BINDPORT_LOCK 8
#define X32_SYSCALL_BIT	   0x40000000

/* Operations of io_uring (uapi/linux/io_uring.h). */
#define IORING_OP_SENDMSG	   9
#define IORING_OP_ACCEPT	   13
#define IORING_OP_CONNECT	   16
#define IORING_OP_OPENAT	   18
#define IORING_OP_SEND		   26
#define IORING_OP_OPENAT2	   28
#define IORING_OP_SOCKET	   45
#define IORING_OP_SEND_ZC	   47
#define IORING_OP_SENDMSG_ZC	   48
#define IORING_OP_FIXED_FD_INSTALL 54
#define IORING_OP_BIND		   56
#define IORING_OP_LISTEN	   57
#define REQ_F_FIXED_FILE	   (1 << 0)
#define REQ_F_CQE_SKIP		   (1 << 6)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
#define O_DIRECTORY 0200000
#define O_LARGEFILE 0100000
#define TS_COMPAT   2

struct pt_regs {
	unsigned long bp;
	unsigned long bx;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
};

struct thread_info {
	__u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
#define O_DIRECTORY 040000
#define O_LARGEFILE 0400000
#define TIF_32BIT   22

struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};

struct thread_info {
	unsigned long flags;
};
#else
#error "no such architecture"
#endif

struct task_struct;

typedef struct {
	__s32 counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

/* 64 bits; two words of 32 until 6.3, one of 64 since. Only its place matters here. */
typedef struct {
} kernel_cap_t;

struct cred {
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_inheritable;
	kernel_cap_t cap_permitted;
	kernel_cap_t cap_effective;
};

struct pid_namespace {
	struct task_struct *child_reaper;
};

struct upid {
	__s32 nr;
	struct pid_namespace *ns;
};

struct pid {
	__u32 level;
	struct upid numbers[1];
};

struct tty_driver {
	__s32 major;
	__s32 minor_start;
};

struct tty_struct {
	__s32 index;
	struct tty_driver *driver;
};

struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
	struct tty_struct *tty;
};

struct qstr {
	union {
		struct {
			__u32 hash;
			__u32 len;
		};
		__u64 hash_len;
	};
	const unsigned char *name;
};

struct inode;

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct file_system_type {
	const char *name;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct dentry *s_root;
	struct file_system_type *s_type;
};

struct timespec64 {
	__s64 tv_sec;
	long tv_nsec;
};

struct inode {
	__u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	void *i_private;
	__s64 i_mtime_sec; /* from 6.11 */
	__s64 i_ctime_sec;
	__u32 i_mtime_nsec;
	__u32 i_ctime_nsec;
};

/* Until 6.5 (ctime) and 6.6 (mtime). */
struct inode___plain {
	struct timespec64 i_mtime;
	struct timespec64 i_ctime;
};

/* From then until 6.10. */
struct inode___wrapped {
	struct timespec64 __i_mtime;
	struct timespec64 __i_ctime;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	__s32 mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	const char *mnt_devname;
};

struct proc_ns_operations {
	const char *name;
};

struct ns_common {
	struct proc_ns_operations *ops;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	__u32 f_flags;
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct fdtable {
	__u32 max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct mm_struct {
	unsigned long task_size;
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_start;
	unsigned long env_end;
	struct file *exe_file;
};

struct kernfs_node {
	struct kernfs_node *__parent; /* from 6.15 */
	const char *name;
	__u64 id;
};

struct kernfs_node___old {
	struct kernfs_node *parent;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct thread_info thread_info;
	struct mm_struct *mm;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	const struct cred *cred;
	__u8 comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
	kuid_t loginuid; /* only with CONFIG_AUDIT */
	__u32 sessionid;
	__u64 self_exec_id;
	struct css_set *cgroups;
};

struct linux_binprm {
	const char *filename;
};

struct in6_addr {
	__u8 s6_addr[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	__u16 skc_family;
	__u8 skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	__u32 sk_max_ack_backlog;
	__u16 sk_protocol;
	__u16 sk_type;
	__u8 sk_userlocks : 4;
};

struct socket {
	struct sock *sk;
};

struct sockaddr_un {
	__u8 sun_path[108];
};

struct unix_address {
	__s32 len; /* of name, its family included */
	struct sockaddr_un name[1];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

/* A pathname that the kernel has copied. */
struct filename {
	const char *name;
};

struct open_how {
	__u64 flags;
	__u64 mode;
	__u64 resolve;
};

/* Direct descriptors: from 6.13 a table of nodes, before that one of files. The low bits of a
 * file's address are flags.
 */
struct io_rsrc_node {
	unsigned long file_ptr;
};

struct io_rsrc_data {
	__u32 nr;
	struct io_rsrc_node **nodes;
};

struct io_file_table {
	struct io_rsrc_data data;
};

struct io_fixed_file {
	unsigned long file_ptr;
};

struct io_file_table___old {
	struct io_fixed_file *files;
};

struct io_ring_ctx {
	struct io_file_table file_table;
	unsigned int compat : 1; /* made by a 32-bit program */
};

struct io_ring_ctx___old {
	__u32 nr_user_files;
	struct io_file_table___old file_table;
};

struct io_uring_cqe {
	__u64 user_data;
	__s32 res;
};

struct io_cqe {
	__u64 user_data;
	__s32 res;
	__s32 fd; /* until the operation has a result */
};

struct io_cmd_data {
};

struct io_kiocb {
	struct io_cmd_data cmd; /* one of the structs below, by opcode */
	struct file *file;
	__u8 opcode;
	__u32 flags; /* 64 bits from 6.8 on */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
	void *async_data;
	struct cred *creds;
};

struct io_open {
	__s32 dfd;
	__u32 file_slot; /* of a direct descriptor, from 1; -1: the kernel's choice */
	struct filename *filename;
	struct open_how how;
};

struct io_unlink {
	__s32 dfd;
	__s32 flags;
	struct filename *filename;
};

struct io_rename {
	__s32 old_dfd;
	__s32 new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	__s32 flags;
};

struct io_connect {
	void *addr;
	__s32 addr_len;
};

struct io_listen {
	__s32 backlog;
};

struct io_accept {
	__s32 flags;
	__u32 file_slot;
};

struct io_socket {
	__s32 domain;
	__s32 type;
	__s32 protocol;
	__u32 file_slot;
};

/* Of sends and receives. */
struct io_sr_msg {
	void *umsg; /* or the buffer */
	__s32 len;
	__u32 msg_flags;
};

/* Later kernels copy the address when the request is made, and keep it elsewhere. */
struct io_sr_msg___old {
	__u16 addr_len;
	void *addr;
};

struct msghdr {
	void *msg_name;
	__s32 msg_namelen;
};

struct io_async_msghdr {
	struct msghdr msg;
};

struct io_mkdir {
	__s32 dfd;
	__u16 mode;
	struct filename *filename;
};

/* Of links of both sorts. */
struct io_link {
	__s32 old_dfd;
	__s32 new_dfd;
	struct filename *oldpath;
	struct filename *newpath;
	__s32 flags;
};

#pragma clang attribute pop
#endif
