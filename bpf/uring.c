/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* uring.c - operations of io_uring, which do what system calls do and return through none.
 *
 * A request is seen twice. When it is submitted, its arguments are in the kernel's memory already:
 * a record with all of them is sent at once, and says that its result comes later. When it
 * completes, a second record brings the result and the file; the sensor joins the two. A request
 * whose end is not shown (IOSQE_CQE_SKIP_SUCCESS, an overflown completion queue, a ring that is
 * closed) is so reported all the same, without a result.
 *
 * Who acts is always the current task: a request is submitted by the process's own thread, or by
 * the ring's polling thread, which is one of the same process, as are the workers.
 */

/* An operation that has begun, by its request. Of one that is forgotten the end is not seen.
 * Requests are used again: one with another opcode or ring is not the one that began.
 */
struct operation {
	__u64 seq;
	__u64 ring;
	__u32 opcode;
	__s32 tgid;
	__u32 cpu;
	__u32 introduces; /* it sends to a new peer, this one */
	struct peer peer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* as many as the sensor holds */
	__type(key, __u64);
	__type(value, struct operation);
} begun SEC(".maps");

/* starters holds the program of each kind that some rule names, for operations. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, EVENT_KINDS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} starters SEC(".maps");

/* COMMAND is the part of a request that belongs to its operation. */
#define COMMAND(type, req) ((type *)((void *)(req) + bpf_core_field_offset(struct io_kiocb, cmd)))

static __always_inline __u32 operation_kind(struct io_kiocb *req)
{
	return operations[READ(req, opcode) & (OPERATIONS - 1)];
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_submit, struct io_kiocb *req)
{
	__u32 kind = operation_kind(req);

	if (!kind || !wanted_here(kind))
		return 0;
	bpf_tail_call(ctx, &starters, kind);
	count_drop(DROP_TAIL_CALL, kind);
	return 0;
}

static __always_inline struct scratch *begin_operation(struct io_kiocb *req, __u32 fixed)
{
	struct scratch *s = get_scratch();
	__u32 kind = operation_kind(req);
	struct event_header *h;

	if (!s || !kind)
		return 0;
	begin_record(s, bpf_get_current_task_btf(), kind, RESULT_LATER, fixed);
	h = &s->record.header;
	h->via = VIA_IO_URING;
	/* A personality: what the process was when it registered that. */
	if (READ(req, flags) & own_creds) {
		struct cred *cred = READ(req, creds);

		bpf_probe_read_kernel(
			&h->caps_inheritable, 3 * sizeof(__u64), &cred->cap_inheritable);
		h->euid = READ(cred, euid.val);
		h->egid = READ(cred, egid.val);
	}
	return s;
}

/* send_operation sends the first of the two records. What is lost here needs no second. */
static __always_inline void send_operation(struct scratch *s, struct io_kiocb *req, __u32 fixed)
{
	__u64 key = (__u64)req;
	struct operation op = {};

	op.seq = s->seq;
	op.ring = (__u64)READ(req, ctx);
	op.opcode = READ(req, opcode);
	op.tgid = s->record.header.tgid;
	op.cpu = s->record.header.cpu;
	if (is_send(s->record.header.kind) && s->encounter.changed) {
		op.introduces = 1;
		op.peer = s->encounter.peer;
	}
	if (!send_record(s, fixed))
		bpf_map_update_elem(&begun, &key, &op, 0);
}

static __always_inline void read_name(
	struct scratch *s, __u32 fixed, struct path_arg *arg, __s32 dirfd, struct filename *name)
{
	__u8 *text = text_end(s, fixed);

	arg->dirfd = dirfd;
	arg->raw_len = append_kernel_str(s, fixed, READ(name, name));
	read_base(s, fixed, arg, dirfd, text);
}

/* The kernel has added O_LARGEFILE to the flags. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_open, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct open_event));
	struct io_open *open = COMMAND(struct io_open, req);
	struct open_event *e;

	if (!s)
		return 0;
	e = &s->record.open;
	e->flags = READ(open, how.flags) & ~O_LARGEFILE;
	if (e->flags & (O_CREAT | __O_TMPFILE))
		e->mode = READ(open, how.mode) & 07777;
	e->directory = !!(e->flags & O_DIRECTORY);
	read_name(s, sizeof(*e), &e->path, READ(open, dfd), READ(open, filename));
	send_operation(s, req, sizeof(*e));
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_unlink, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct path_event));
	struct io_unlink *unlink = COMMAND(struct io_unlink, req);
	struct path_event *e;

	if (!s)
		return 0;
	e = &s->record.path;
	e->flags = READ(unlink, flags);
	read_name(s, sizeof(*e), &e->path, READ(unlink, dfd), READ(unlink, filename));
	send_operation(s, req, sizeof(*e));
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_rename, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct path_event));
	struct io_rename *rename = COMMAND(struct io_rename, req);
	struct path_event *e;

	if (!s)
		return 0;
	e = &s->record.path;
	e->flags = READ(rename, flags);
	read_name(s, sizeof(*e), &e->path, READ(rename, old_dfd), READ(rename, oldpath));
	read_name(s, sizeof(*e), &e->new_path, READ(rename, new_dfd), READ(rename, newpath));
	send_operation(s, req, sizeof(*e));
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_mkdir, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct path_event));
	struct io_mkdir *mkdir = COMMAND(struct io_mkdir, req);
	struct path_event *e;

	if (!s)
		return 0;
	e = &s->record.path;
	e->mode = READ(mkdir, mode) & 07777;
	read_name(s, sizeof(*e), &e->path, READ(mkdir, dfd), READ(mkdir, filename));
	send_operation(s, req, sizeof(*e));
	return 0;
}

/* What a symbolic link holds is no path yet. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_link, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct path_event));
	struct io_link *link = COMMAND(struct io_link, req);
	struct filename *old, *new;
	struct path_event *e;

	if (!s)
		return 0;
	e = &s->record.path;
	old = READ(link, oldpath);
	new = READ(link, newpath);
	if (e->header.kind == EVENT_SYMLINKAT) {
		e->path.dirfd = AT_FDCWD;
		e->path.raw_len = append_kernel_str(s, sizeof(*e), READ(old, name));
	} else {
		e->flags = (__u32)READ(link, flags);
		read_name(s, sizeof(*e), &e->path, READ(link, old_dfd), old);
	}
	read_name(s, sizeof(*e), &e->new_path, READ(link, new_dfd), new);
	send_operation(s, req, sizeof(*e));
	return 0;
}

/* Until it is executed, a request has its descriptor's number and not the file. What a bind asks
 * for is nowhere any more: its socket tells.
 */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_socket, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct fd_event));
	struct io_connect *connect = COMMAND(struct io_connect, req);
	struct io_listen *listen = COMMAND(struct io_listen, req);
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	e->fd.fd = READ(req, cqe.fd);
	if (e->header.kind == EVENT_CONNECT)
		append_asked(s, e, READ(connect, addr), READ(connect, addr_len));
	else if (e->header.kind == EVENT_LISTEN && bpf_core_field_exists(struct io_listen, backlog))
		e->number = READ(listen, backlog);
	send_operation(s, req, sizeof(*e));
	return 0;
}

/* An accept waits for as long as nobody connects, and one request may accept any number of
 * connections: it is no event until it has a result. Of those after the first that result names the
 * ring and the process's own number alone, which several requests can share.
 */
struct accept_key {
	__u64 ring;
	__u64 user_data;
};

struct accept {
	__s64 requests;
	__u32 kind;
	__s32 fd;
	__u32 flags;
	__u32 slot;
	__s32 tgid;
	__u32 reserved;
};

/* Not one that forgets: what it takes no more of is told as begun, at once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct accept_key);
	__type(value, struct accept);
} accepts SEC(".maps");

static __always_inline bool wait_for_accept(struct scratch *s, struct io_kiocb *req)
{
	struct io_accept *accept = COMMAND(struct io_accept, req);
	struct accept_key key = {};
	struct accept waiting = {};
	struct accept *there;

	if (READ(req, flags) & REQ_F_CQE_SKIP)
		return 0;
	key.ring = (__u64)READ(req, ctx);
	key.user_data = READ(req, cqe.user_data);
	there = bpf_map_lookup_elem(&accepts, &key);
	if (there) {
		__sync_fetch_and_add(&there->requests, 1);
		return 1;
	}
	waiting.requests = 1;
	waiting.kind = s->record.header.kind;
	waiting.fd = READ(req, cqe.fd);
	waiting.flags = READ(accept, flags);
	waiting.slot = READ(accept, file_slot);
	waiting.tgid = s->record.header.tgid;
	return !bpf_map_update_elem(&accepts, &key, &waiting, BPF_NOEXIST);
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_accept, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct fd_event));
	struct io_accept *accept = COMMAND(struct io_accept, req);
	struct fd_event *e;

	if (!s || wait_for_accept(s, req))
		return 0;
	e = &s->record.fd;
	e->fd.fd = -1;
	e->oldfd = READ(req, cqe.fd);
	e->flags = (__u32)READ(accept, flags);
	send_operation(s, req, sizeof(*e));
	return 0;
}

/* A direct descriptor becomes one of the process's table. */
SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_dup, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	e->fd.fd = -1;
	e->oldfd = READ(req, cqe.fd);
	send_operation(s, req, sizeof(*e));
	return 0;
}

static __always_inline struct file *direct_file(struct io_ring_ctx *ring, __u32 slot)
{
	unsigned long file;

	if (bpf_core_field_exists(struct io_file_table, data)) {
		if (slot >= READ(ring, file_table.data.nr))
			return 0;
		struct io_rsrc_node **nodes = READ(ring, file_table.data.nodes);
		struct io_rsrc_node *node = READ_MEMORY(nodes[slot]);

		file = READ(node, file_ptr);
	} else {
		struct io_ring_ctx___old *old = (void *)ring;

		if (slot >= READ(old, nr_user_files))
			return 0;
		struct io_fixed_file *files = READ(old, file_table.files);

		file = READ_MEMORY(files[slot].file_ptr);
	}
	return (void *)(file & ~7UL);
}

/* made is the file behind a result that is a descriptor. slot: of a direct one, or 0. */
static __always_inline struct file *made(struct io_ring_ctx *ring, __u32 slot, __s32 res)
{
	if (!slot)
		return file_of(bpf_get_current_task_btf(), res);
	return direct_file(ring, slot == -1U ? (__u32)res : slot - 1);
}

/* operation_file is what an operation opened, else what it acted on. */
static __always_inline struct file *operation_file(
	struct io_ring_ctx *ring, struct io_kiocb *req, __s32 res)
{
	switch (READ(req, opcode)) {
	case IORING_OP_OPENAT:
	case IORING_OP_OPENAT2:
		return res < 0 ? 0 : made(ring, READ(COMMAND(struct io_open, req), file_slot), res);
	case IORING_OP_SOCKET:
		return res < 0 ? 0
			       : made(ring, READ(COMMAND(struct io_socket, req), file_slot), res);
	case IORING_OP_FIXED_FD_INSTALL:
		return res < 0 ? 0 : made(ring, 0, res);
	case IORING_OP_CONNECT:
	case IORING_OP_BIND:
	case IORING_OP_LISTEN:
	case IORING_OP_SEND:
	case IORING_OP_SENDMSG:
	case IORING_OP_SEND_ZC:
	case IORING_OP_SENDMSG_ZC:
		return READ(req, file);
	}
	return 0;
}

/* met: once a message is sent, its socket knows whom it went to. */
static __always_inline void met(struct operation *op, struct io_kiocb *req, __s32 res)
{
	struct socket_key socket = {};

	if (op->introduces && res >= 0 && sock_of(READ(req, file), &socket))
		bpf_map_update_elem(&peers, &socket, &op->peer, BPF_ANY);
}

/* What a ring that is being closed still has to do is done by a thread of the kernel's own, which
 * has none of the process's descriptors.
 */
static __always_inline void ended(struct io_ring_ctx *ring, struct io_kiocb *req)
{
	__u64 key = (__u64)req;
	struct operation *op = bpf_map_lookup_elem(&begun, &key);
	struct scratch *s = get_scratch();
	struct operation_end *e;
	struct file *file;
	__s32 res;

	if (!s || !op)
		return;
	if (op->ring == (__u64)ring && op->opcode == READ(req, opcode)) {
		res = READ(req, cqe.res);
		met(op, req, res);
		begin_record(s, bpf_get_current_task_btf(), EVENT_OPERATION_END, res, sizeof(*e));
		e = &s->record.end;
		e->header.via = VIA_IO_URING;
		e->fd.fd = res;
		e->seq = op->seq;
		e->cpu = op->cpu;
		if (op->tgid == e->header.tgid && (file = operation_file(ring, req, res)))
			read_facts(s, sizeof(*e), &e->fd, file, op->opcode == IORING_OP_CONNECT);
		send_record(s, sizeof(*e));
	}
	bpf_map_delete_elem(&begun, &key);
}

/* accepted tells of a connection. Without a request it is one of several. */
static __always_inline void accepted(
	struct io_ring_ctx *ring, struct io_kiocb *req, __u64 user_data, __s32 res)
{
	struct accept_key key = {.ring = (__u64)ring, .user_data = user_data};
	struct accept *accept = bpf_map_lookup_elem(&accepts, &key);
	struct scratch *s = get_scratch();
	struct fd_event *e;
	struct file *file;

	if (!accept || !s || (req && READ(req, opcode) != IORING_OP_ACCEPT))
		return;
	req = forget(s, req);
	begin_record(s, bpf_get_current_task_btf(), accept->kind, res, sizeof(*e));
	e = &s->record.fd;
	e->header.via = VIA_IO_URING;
	e->oldfd = accept->fd;
	e->flags = accept->flags;
	e->fd.fd = res;
	/* Of a ring that is closed the kernel cancels what waits: that is nothing that happened. */
	if (accept->tgid == e->header.tgid) {
		if (res >= 0 && (file = made(ring, accept->slot, res)))
			read_facts(s, sizeof(*e), &e->fd, file, 0);
		send_record(s, sizeof(*e));
	}
	if (req && __sync_fetch_and_add(&accept->requests, -1) <= 1)
		bpf_map_delete_elem(&accepts, &key);
}

/* Before 6.15 the result is among the arguments; those of a request, it has too. */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_complete, struct io_ring_ctx *ring, struct io_kiocb *req)
{
	if (req)
		ended(ring, req);
	return 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_accepted, struct io_ring_ctx *ring, struct io_kiocb *req)
{
	__u64 user_data;
	__s32 res;

	if (result_apart) {
		struct io_uring_cqe *cqe = (void *)ctx[2];

		user_data = READ(cqe, user_data);
		res = READ(cqe, res);
	} else {
		user_data = ctx[2];
		res = ctx[3];
	}
	accepted(ring, req, user_data, res);
	return 0;
}

/* The result found no room in the queue. */
SEC("tp_btf/io_uring_cqe_overflow")
int BPF_PROG(on_uring_overflow, struct io_ring_ctx *ring, __u64 user_data, __s32 res)
{
	accepted(ring, 0, user_data, res);
	return 0;
}
