/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* maps.h - what the programs share with the sensor and with each other. */
#ifndef TIERCEL_MAPS_H
#define TIERCEL_MAPS_H

#define SYSCALLS      512 /* every architecture's highest number is below */
#define SOCKET_CALLS  32
#define SOCKETCALL    0xff /* stands in calls for the kind that the first argument says */
#define OPERATIONS    128  /* io_uring operations: every kernel's last is below */
#define PATH_SIZE     4096
#define NAME_SIZE     256
#define TEXT_MASK     16383 /* where a text may begin: behind four others at most */
#define FIXED_MAX     256
#define SOCKADDR_MAX  128
#define BUFFERS	      8
#define PROCESS_KINDS EVENT_OPERATION_END

/* Set before load. */
const volatile __s32 cgroup_subsys = -1; /* the v1 controller that containers use; -1: cgroup v2 */
const volatile __u64 ring_unreserved = -1; /* bytes of the ring that file and network records get */
const volatile __u32 own_creds = 0; /* the flag of an io_uring request that has creds of its own */
const volatile __u32 result_apart = 0; /* io_uring_complete has a pointer to the result */

/* Changed while the programs run. calls holds for each number the kind of the native call in its
 * low byte and that of the 32-bit call of the same number in its high one; 0 is what no rule names.
 * socket_calls holds the kinds of what a socketcall can be told to do.
 */
__u16 calls[SYSCALLS];
__u8 socket_calls[SOCKET_CALLS];
__u8 scopes[EVENT_KINDS];
__u16 peers_generation;	     /* of the peers that count: those of an older filter do not */
__u8 operations[OPERATIONS]; /* the kind of each io_uring operation that some rule names */
__u32 overlay_upper;	     /* from an inode of an overlay to its upper dentry; 0: not known */

/* What was lost, by reason and kind. Losses are rare: an atomic add in shared memory does. */
__u64 drops[DROP_REASONS * EVENT_KINDS];

enum scope {
	SCOPE_OFF = 0,
	SCOPE_CONTAINERS = 1,
	SCOPE_ALL = 2,
	SCOPE_WHERE = 3, /* the mask of these; what follows are flags */
	SCOPE_EVERY_MESSAGE = 4,
	SCOPE_DATA = 8,
	SCOPE_ENVIRONMENT = 16,
};

/* What is known of a cgroup id. */
enum cgroup_note {
	CGROUP_HOST = 1,
	CGROUP_CONTAINER = 2,
	CGROUP_UNKNOWN = 3,
};

/* The system call at hand, as the dispatcher leaves it for the kind's program: its arguments are
 * what the native call's would be, whichever way it came.
 */
struct call {
	__u64 args[6];
	__u64 file;   /* of a request of io_uring, what it acts on */
	__u64 copied; /* the io_async_msghdr that the kernel made of such a one's message, or 0 */
	__u32 kind;
	__u32 via;
	__u32 message; /* of a call that moves several, the one at hand */
	__u32 narrow;  /* what the arguments point to has pointers and sizes of 32 bits */
};

/* scratch is where a record is built, being too large for the stack. One serves all programs: their
 * hooks run in process context with preemption off, and none of them interrupts another.
 */
struct scratch {
	__u64 seq;
	__u64 announced; /* the cgroup id of this CPU's last record: its path was sent */
	__u64 forgotten;
	__u32 text_len;
	__u32 path_off; /* a path is built from the end of path to its front */
	struct call call;
	__u8 name[NAME_SIZE];
	__u8 path[PATH_SIZE + NAME_SIZE];
	struct encounter encounter;
	struct iovec buffers[BUFFERS];
	__u8 asked[SOCKADDR_MAX]; /* the address of the message at hand */
	__u32 asked_len;
	union {
		struct event_header header;
		struct fork_event fork;
		struct exec_event exec;
		struct exit_event exit;
		struct cgroup_event cgroup;
		struct open_event open;
		struct fd_event fd;
		struct tree_event tree;
		struct path_event path;
		struct number_event number;
		struct operation_end end;
		struct socket_event socket;
		struct message_event message;
		__u8 bytes[FIXED_MAX + TEXT_MASK + 1 + TEXT_MAX + 1];
	} record;
};

_Static_assert(sizeof(struct scratch) <= 32 << 10, "a per-CPU value has 32 KiB at most");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* records is the one ring buffer, so that events keep their order. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} records SEC(".maps");

/* cgroups holds the ids whose path was sent, with what the sensor said of them since. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, __u32);
} cgroups SEC(".maps");

/* peers holds the other end that a socket without a connection had last. An entry that was pushed
 * out costs one more record.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct socket_key);
	__type(value, struct peer);
} peers SEC(".maps");

/* handlers holds the program of each kind that some rule names. Numbers of kinds that are no calls
 * are free for programs that go on where another ends.
 */
#define HANDLER_TOLD   1
#define HANDLER_PASSED 2

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} handlers SEC(".maps");

static __always_inline void count_drop(enum drop_reason reason, __u32 kind)
{
	__sync_fetch_and_add(&drops[reason * EVENT_KINDS + (kind & (EVENT_KINDS - 1))], 1);
}

static __always_inline struct scratch *get_scratch(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&scratches, &zero);
}

#endif
