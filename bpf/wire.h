/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* wire.h - every byte that crosses the ring buffer, defined once. bpf2go makes the Go types of
 * these structs; nobody copies them.
 *
 * A record is an event_header, the fixed part of its kind, and behind that the kind's texts, one
 * after the other without a terminator, in the order in which the struct names their lengths.
 * Integers are the machine's own, addresses and only they are in network order.
 */
#ifndef TIERCEL_WIRE_H
#define TIERCEL_WIRE_H

/* A text is at most one page less its terminator: PATH_MAX for paths, and what argv is cut at. */
#define TEXT_MAX 4095
#define COMM_LEN 16

/* Captures outlive releases: a value is never reused. The same values stand in package event. */
enum event_kind {
	EVENT_NONE = 0,
	EVENT_FORK = 1,
	EVENT_EXEC = 2,
	EVENT_EXIT = 3,
	EVENT_CGROUP_PATH = 4,
	EVENT_CGROUP_MOVE = 5,
	EVENT_OPERATION_END = 6,

	EVENT_EXECVE = 16,
	EVENT_EXECVEAT = 17,
	EVENT_OPEN = 18,
	EVENT_OPENAT = 19,
	EVENT_OPENAT2 = 20,
	EVENT_CREAT = 21,
	EVENT_CONNECT = 22,
	EVENT_ACCEPT = 23,
	EVENT_ACCEPT4 = 24,
	EVENT_BIND = 25,
	EVENT_LISTEN = 26,
	EVENT_PTRACE = 27,
	EVENT_SETUID = 28,
	EVENT_SETRESUID = 29,
	EVENT_UNLINK = 30,
	EVENT_UNLINKAT = 31,
	EVENT_RENAME = 32,
	EVENT_RENAMEAT = 33,
	EVENT_RENAMEAT2 = 34,
	EVENT_CHMOD = 35,
	EVENT_FCHMOD = 36,
	EVENT_FCHMODAT = 37,
	EVENT_FCHMODAT2 = 38,
	EVENT_MOUNT = 39,
	EVENT_DUP = 40,
	EVENT_DUP2 = 41,
	EVENT_DUP3 = 42,
	EVENT_INIT_MODULE = 43,
	EVENT_FINIT_MODULE = 44,
	EVENT_BPF = 45,
	EVENT_SYMLINK = 46,
	EVENT_SYMLINKAT = 47,
	EVENT_LINK = 48,
	EVENT_LINKAT = 49,
	EVENT_RMDIR = 50,
	EVENT_MKDIR = 51,
	EVENT_MKDIRAT = 52,
	EVENT_MKNOD = 53,
	EVENT_MKNODAT = 54,
	EVENT_SETNS = 55,
	EVENT_UNSHARE = 56,
	EVENT_USERFAULTFD = 57,
	EVENT_OPEN_BY_HANDLE_AT = 58,
	EVENT_CHROOT = 59,
	EVENT_PROCESS_VM_READV = 60,
	EVENT_PROCESS_VM_WRITEV = 61,
	EVENT_UMOUNT = 62,
	EVENT_UMOUNT2 = 63,
	EVENT_FSOPEN = 64,
	EVENT_FSCONFIG = 65,
	EVENT_FSMOUNT = 66,
	EVENT_MOVE_MOUNT = 67,
	EVENT_OPEN_TREE = 68,
	EVENT_FCNTL = 69, /* only those that copy a descriptor */

	EVENT_TRUNCATE = 90,
	EVENT_FTRUNCATE = 91,
	EVENT_PIDFD_GETFD = 92,
	EVENT_SETGID = 93,
	EVENT_SETRESGID = 94,
	EVENT_SETREUID = 95,
	EVENT_SETREGID = 96,
	EVENT_CAPSET = 97,
	EVENT_KILL = 98,
	EVENT_TKILL = 99,
	EVENT_TGKILL = 100,
	EVENT_IO_URING_SETUP = 101,

	EVENT_SOCKET = 70,
	EVENT_SENDTO = 71,
	EVENT_SENDMSG = 72,
	EVENT_SENDMMSG = 73,
	EVENT_RECVFROM = 74,
	EVENT_RECVMSG = 75,
	EVENT_RECVMMSG = 76,

	/* The kernel's tables are indexed by kind with a mask of this less one. */
	EVENT_KINDS = 128,
};

/* Why something that should have been reported was not, or not in full. */
enum drop_reason {
	DROP_RING_FULL = 0,	  /* the ring had no room */
	DROP_RESERVED = 1,	  /* only the quarter kept for process records was left */
	DROP_TAIL_CALL = 2,	  /* the dispatcher found no program for the kind */
	DROP_USER_MEMORY = 3,	  /* an argument's memory was not resident: reported without it */
	DROP_PATH_UNRESOLVED = 4, /* a path too deep or too long to follow: reported without it */
	DROP_MAP_FULL = 5,	  /* a map took no further entry */
	DROP_X32 = 6,		  /* an x32 call: decoded as the native one of its number */
	DROP_REASONS = 7,
};

/* How the kernel was asked; the values are event.Via. Of an exec, VIA_COMPAT says that the new
 * image is a 32-bit one.
 */
enum via {
	VIA_SYSCALL = 0,
	VIA_COMPAT = 1,
	VIA_IO_URING = 2,
};

/* The result of an io_uring operation that has begun: EVENT_OPERATION_END brings the real one. */
#define RESULT_LATER (-__INT64_MAX__ - 1)
/* Which end of a connection the process is; the values are event.Role. */
enum role {
	ROLE_UNKNOWN = 0,
	ROLE_CLIENT = 1,
	ROLE_SERVER = 2,
};

/* How the kernel's path of a file came about; the values are event.PathStatus. */
enum path_status {
	PATH_NONE = 0,
	PATH_RESOLVED = 1,
	PATH_TOO_DEEP = 2,
	PATH_UNREACHABLE = 3,
	PATH_ANONYMOUS = 4,
};

/* The values are event.Tri. */
enum tri {
	TRI_UNKNOWN = 0,
	TRI_FALSE = 1,
	TRI_TRUE = 2,
};

enum path_flag {
	PATH_UNREADABLE = 1, /* the memory of the path as asked was not resident */
	PATH_FOREIGN = 2,    /* the walk ended at a root that is not the process's */
	PATH_CUT = 4,	     /* a text is the path's end only */
};

enum exec_flag {
	EXEC_ARGS_CUT = 1,
	EXEC_ENV_CUT = 2,
	EXEC_READ_ONLY = 4,    /* the executable's mount or filesystem is */
	EXEC_CHROOTED = 8,     /* the process's root is not the top of its mounts */
	EXEC_OTHER_MOUNT = 16, /* the executable does not lie on the root's mount */
};

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wpadded"

/* Who acted, as the kernel saw it when the record was made. ids are of the initial namespaces. */
struct event_header {
	__u64 ktime_ns; /* CLOCK_BOOTTIME */
	__u64 seq;	/* counts this CPU's records, those refused by the ring included */
	__u64 start_ns; /* of the group's leader: with tgid, the process */
	__u64 parent_start_ns;
	__u64 exec_id; /* counts the process's images */
	__u64 cgroup_id;
	__u64 caps_inheritable;
	__u64 caps_permitted;
	__u64 caps_effective;
	__s64 ret;
	__u32 size; /* bytes of this record, header included: unknown kinds are skipped by it */
	__u16 kind; /* enum event_kind */
	__u16 cpu;
	__s32 tgid;
	__s32 tid;
	__s32 ppid;
	__u32 euid;
	__u32 egid;
	__u8 via; /* enum via */
	__u8 reserved8;
	__u16 reserved;
	__u8 comm[COMM_LEN]; /* of the leader */
};

/* A path argument. Texts: the path as asked; its base directory, if the path is relative. */
struct path_arg {
	__s32 dirfd; /* AT_FDCWD where the call has none */
	__u16 raw_len;
	__u16 base_len;
	__u8 base_status; /* enum path_status; PATH_NONE if there was no need for a base */
	__u8 flags;	  /* enum path_flag */
	__u16 reserved;
};

/* What the kernel knows of a file. Texts: its path in the process's mount namespace; its path
 * from its filesystem's root, where a bind mount hides that.
 */
struct file_facts {
	__u64 ino;
	__u64 fs_magic; /* only of PATH_ANONYMOUS */
	__u32 dev;	/* dev_t: major << 20 | minor */
	__u32 mode;	/* 0: there is no file */
	__u16 real_len;
	__u16 fspath_len;
	__u8 status; /* enum path_status */
	__u8 flags;  /* enum path_flag */
	__u16 reserved;
};

/* What the kernel knows of a socket. Texts: the unix address; the sockaddr of the call. */
struct socket_facts {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u16 family; /* 0: there is no socket */
	__u16 protocol;
	__u16 type;
	__u8 state; /* TCP_ESTABLISHED is 1, for every protocol */
	__u8 reserved;
	__u16 unix_len;
	__u16 asked_len;
};

/* A descriptor: one of file and socket holds something. Texts: the file's, the socket's. */
struct fd_facts {
	__s32 fd;
	__u32 reserved;
	struct file_facts file;
	struct socket_facts socket;
};

/* Fork. header is the parent. */
struct fork_event {
	struct event_header header;
	__u64 start_ns;
	__u64 cgroup_id;
	__s32 tgid;
	__s32 tid;
	__s32 vpid;
	__u32 reserved;
};

/* Exec. Texts: argv, environment, filename, executable, working directory. */
struct exec_event {
	struct event_header header;
	struct file_facts exe; /* its texts are the fourth; no fspath */
	__s64 ctime_sec;
	__s64 mtime_sec;
	__u64 pidns_start_ns;
	__u32 ctime_nsec;
	__u32 mtime_nsec;
	__u32 owner; /* of the executable */
	__u32 group;
	__s32 old_tid; /* the thread that called, before it took over the leader's id */
	__u32 tty;     /* as /proc/PID/stat encodes it */
	__s32 sid;
	__s32 pgid;
	__s32 vpid;
	__s32 vpgid;
	__s32 loginuid;
	__s32 sessionid;
	__u16 args_len;
	__u16 env_len;
	__u16 filename_len;
	__u16 cwd_len;
	__u8 upper_layer; /* enum tri */
	__u8 flags;	  /* enum exec_flag */
	__u8 cwd_status;  /* enum path_status */
	__u8 reserved8;
	__u32 reserved;
};

struct exit_event {
	struct event_header header;
	__u32 group_dead; /* 1: no thread of the process is left */
	__u32 reserved;
};

/* CgroupPath and CgroupMove. Text: the path from the root of the hierarchy. */
struct cgroup_event {
	struct event_header header;
	__u64 id;
	__u16 path_len;
	__u16 flags; /* enum path_flag */
	__u32 reserved;
};

/* open, openat, openat2, creat, open_by_handle_at. */
struct open_event {
	struct event_header header;
	struct path_arg path;
	__u32 mode;
	__u64 flags;
	__u32 directory; /* O_DIRECTORY was given; its value differs between architectures */
	__u32 reserved;
	struct file_facts file;
};

/* connect, accept, accept4, bind, listen, dup, dup2, dup3, fcntl, fchmod, ftruncate, finit_module,
 * setns, userfaultfd, pidfd_getfd. Texts: the descriptor's; finit_module: the parameters; the
 * address of a unix socket's other end, or of its own where the descriptor's is the other's.
 */
struct fd_event {
	struct event_header header;
	struct fd_facts fd;
	__u64 flags;  /* fcntl: the command; ftruncate: the length */
	__s32 oldfd;  /* dup family, fcntl; accept: the listening descriptor; pidfd_getfd: the pidfd
		       */
	__s32 newfd;  /* dup2, dup3; fcntl: the least number; pidfd_getfd: the other process's */
	__u32 mode;   /* fchmod */
	__s32 number; /* listen: the backlog; setns, pidfd_getfd: the process behind a pidfd */
	__u32 params_len;
	__u16 other_len; /* connect, accept */
	__u16 reserved;
};

/* fsopen, fsconfig, fsmount, move_mount, open_tree, chroot. Texts: path's, new_path's, fstype,
 * source, file's.
 */
struct tree_event {
	struct event_header header;
	__u64 flags;
	struct path_arg path;
	struct path_arg new_path;
	struct file_facts
		file; /* fsmount, open_tree, move_mount: the mount; chroot: the new root */
	__s32 fd;
	__u32 attributes; /* fsmount */
	__s32 command;	  /* fsconfig */
	__s32 aux;	  /* fsconfig */
	__u16 fstype_len; /* fsconfig: the key */
	__u16 source_len; /* fsconfig: the value */
	__u32 reserved;
};

/* execve, execveat (failed), unlink, unlinkat, rmdir, rename, renameat, renameat2, link, linkat,
 * symlink, symlinkat, chmod, fchmodat, fchmodat2, mkdir, mkdirat, mknod, mknodat, truncate, mount,
 * umount2. Texts: path's, new_path's, source, fstype.
 */
struct path_event {
	struct event_header header;
	__u64 flags; /* mknod: the device; truncate: the length */
	struct path_arg path;
	struct path_arg new_path;
	__u32 mode;
	__u16 source_len;
	__u16 fstype_len;
};

/* The end of an io_uring operation, whose record had RESULT_LATER. Texts: the descriptor's. */
struct operation_end {
	struct event_header header;
	__u64 seq; /* with cpu, the record that this is about */
	__u32 cpu;
	__u32 reserved;
	struct fd_facts fd; /* what it opened, or acted on */
};

/* ptrace, set*id, capset, init_module, bpf, unshare, process_vm_*, the kill family, io_uring_setup.
 * Text: init_module's parameters.
 */
struct number_event {
	struct event_header header;
	/* ptrace: the request; bpf: the command; unshare, io_uring_setup: flags; kill: the signal
	 */
	__s64 number;
	__s32 pid;
	/* users or groups; tgkill: the thread; io_uring_setup: entries asked for, of the queue for
	 * requests, of that for results
	 */
	__s32 id[3];
	__u32 params_len;
	__u32 reserved;
};

/* socket. Texts: the descriptor's. */
struct socket_event {
	struct event_header header;
	struct fd_facts fd;
	__s32 domain;
	__s32 type;
	__s32 protocol;
	__u32 reserved;
};

/* A descriptor that came with a message. Text: the file's path in the process's mount namespace. */
struct passed_fd {
	struct file_facts file;
	__s32 fd;
	__u32 reserved;
};

/* sendto, sendmsg, sendmmsg, recvfrom, recvmsg, recvmmsg: one record a message, of which ret is the
 * length. The sockaddr of the descriptor's socket is the message's: whom it goes to, or whom it
 * comes from. Texts: the descriptor's; a unix socket's other end; the data's first bytes; a
 * passed_fd with its text for each of those listed.
 */
struct message_event {
	struct event_header header;
	struct fd_facts fd;
	__u64 size; /* of the buffers given */
	__u32 flags;
	__u16 other_len;
	__u16 data_len;
	__u16 passed; /* descriptors that came along */
	__u8 listed;  /* of these, those whose facts follow */
	__u8 role;    /* enum role */
	__u8 changed; /* the socket has another end than with the message before */
	__u8 reserved8;
	__u16 reserved;
};

#pragma GCC diagnostic pop

_Static_assert(sizeof(struct event_header) == 128, "event_header");
_Static_assert(sizeof(struct path_arg) == 12, "path_arg");
_Static_assert(sizeof(struct file_facts) == 32, "file_facts");
_Static_assert(sizeof(struct socket_facts) == 48, "socket_facts");
_Static_assert(sizeof(struct fd_facts) == 88, "fd_facts");
_Static_assert(sizeof(struct fork_event) == 160, "fork_event");
_Static_assert(sizeof(struct exec_event) == 248, "exec_event");
_Static_assert(sizeof(struct exit_event) == 136, "exit_event");
_Static_assert(sizeof(struct cgroup_event) == 144, "cgroup_event");
_Static_assert(sizeof(struct open_event) == 192, "open_event");
_Static_assert(sizeof(struct fd_event) == 248, "fd_event");
_Static_assert(sizeof(struct tree_event) == 216, "tree_event");
_Static_assert(sizeof(struct path_event) == 168, "path_event");
_Static_assert(sizeof(struct operation_end) == 232, "operation_end");
_Static_assert(sizeof(struct number_event) == 160, "number_event");
_Static_assert(sizeof(struct socket_event) == 232, "socket_event");
_Static_assert(sizeof(struct passed_fd) == 40, "passed_fd");
_Static_assert(sizeof(struct message_event) == 240, "message_event");

#endif
