/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* uring_message.c - sockets that io_uring makes, and the messages that it moves. Which of these are
 * told is decided as in message.c.
 *
 * A send is told when it is submitted, as other operations are, and its other end is known to the
 * socket when it has completed: several that are under way are all told, and so is each whose end
 * is hidden, since it may have failed. A receive is told when it
 * has completed, since it waits for as long as nobody sends.
 */

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_new_socket, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct socket_event));
	struct io_socket *socket = COMMAND(struct io_socket, req);
	struct socket_event *e;

	if (!s)
		return 0;
	e = &s->record.socket;
	e->fd.fd = -1;
	e->domain = READ(socket, domain);
	e->type = READ(socket, type);
	e->protocol = READ(socket, protocol);
	send_operation(s, req, sizeof(*e));
	return 0;
}

/* leave_request puts the request where the programs for messages find a call. What is sent is as
 * told by the process, but for MSG_NOSIGNAL, which the kernel has added to the flags.
 */
static __always_inline void leave_request(
	struct scratch *s, struct io_kiocb *req, struct file *file, __u32 kind, __s32 fd)
{
	struct io_sr_msg *message = COMMAND(struct io_sr_msg, req);
	struct io_sr_msg___old *old = (void *)message;
	struct io_ring_ctx *ring = READ(req, ctx);
	bool whole = kind == EVENT_SENDTO || kind == EVENT_RECVFROM;
	struct call *c = &s->call;

	c->kind = kind;
	c->via = VIA_IO_URING;
	c->message = 0;
	c->narrow = BPF_CORE_READ_BITFIELD_PROBED(ring, compat);
	c->file = (__u64)file;
	c->copied = 0;
	c->args[0] = fd;
	c->args[1] = (__u64)READ(message, umsg);
	c->args[2] = whole ? (__u32)READ(message, len) : READ(message, msg_flags);
	c->args[3] = READ(message, msg_flags);
	c->args[4] = 0;
	c->args[5] = 0;
	if (is_receive(kind))
		return;
	if (!bpf_core_field_exists(struct io_sr_msg___old, addr)) {
		c->copied = (__u64)READ(req, async_data);
	} else if (whole) {
		c->args[4] = (__u64)READ(old, addr);
		c->args[5] = READ(old, addr_len);
	}
}

/* operand is what a request will act on, if that is there already. */
static __always_inline struct file *operand(struct io_kiocb *req)
{
	__s32 fd = READ(req, cqe.fd);

	if (READ(req, flags) & REQ_F_FIXED_FILE)
		return direct_file(READ(req, ctx), fd);
	return file_of(bpf_get_current_task_btf(), fd);
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_send, struct io_kiocb *req)
{
	struct scratch *s = get_scratch();
	__u32 kind = operation_kind(req);

	if (!s)
		return 0;
	leave_request(s, req, operand(req), kind, READ(req, cqe.fd));
	if (worth_telling(s, kind, 0)) {
		bpf_tail_call(ctx, &starters, HANDLER_TOLD);
		count_drop(DROP_TAIL_CALL, kind);
	}
	return 0;
}

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_sent, struct io_kiocb *req)
{
	struct scratch *s = begin_operation(req, sizeof(struct message_event));

	if (!s)
		return 0;
	tell_message(s);
	send_operation(s, req, sizeof(struct message_event));
	return 0;
}

/* finishers holds the programs that go on with a message that was received. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} finishers SEC(".maps");

/* receiving holds the descriptor of each receive, which the request forgets when it completes. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __s32);
} receiving SEC(".maps");

SEC("tp_btf/io_uring_submit_req")
int BPF_PROG(on_uring_receive, struct io_kiocb *req)
{
	__s32 fd = READ(req, cqe.fd);
	__u64 key = (__u64)req;

	bpf_map_update_elem(&receiving, &key, &fd, BPF_ANY);
	return 0;
}

/* What a ring that is being closed still has to do is done by a thread without the process's
 * memory. Of a request that receives any number of messages, only its end names it.
 */
SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_received, struct io_ring_ctx *ring, struct io_kiocb *req)
{
	struct scratch *s = get_scratch();
	__u64 key = (__u64)req;
	__s32 *fd, res;
	__u32 kind;

	if (!s || !req || !bpf_get_current_task_btf()->mm)
		return 0;
	kind = operation_kind(req);
	if (!is_receive(kind) || !wanted_here(kind))
		return 0;
	res = READ(req, cqe.res);
	fd = bpf_map_lookup_elem(&receiving, &key);
	leave_request(s, req, READ(req, file), kind, fd ? *fd : -1);
	bpf_map_delete_elem(&receiving, &key);
	if (worth_telling(s, kind, res)) {
		bpf_tail_call(ctx, &finishers, HANDLER_TOLD);
		count_drop(DROP_TAIL_CALL, kind);
	}
	return 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_told, struct io_ring_ctx *ring, struct io_kiocb *req)
{
	struct scratch *s = get_scratch();

	if (!s || !begin_call(s->encounter.message.ret, sizeof(struct message_event)))
		return 0;
	tell_message(s);
	if (s->encounter.fds) {
		bpf_tail_call(ctx, &finishers, HANDLER_PASSED);
		count_drop(DROP_TAIL_CALL, s->call.kind);
	}
	send_message(s);
	return 0;
}

SEC("tp_btf/io_uring_complete")
int BPF_PROG(on_uring_passed, struct io_ring_ctx *ring, struct io_kiocb *req)
{
	struct scratch *s = get_scratch();

	if (!s)
		return 0;
	if (append_passed(s))
		bpf_tail_call(ctx, &finishers, HANDLER_PASSED);
	send_message(s);
	return 0;
}
