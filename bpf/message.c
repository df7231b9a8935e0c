/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* message.c - sockets are made, and messages go through them: whom a process sends to without a
 * connection, whom it receives from, and the descriptors that come along.
 *
 * A process may send hundreds of thousands of messages a second. Reported are those that tell
 * something: the first to another peer than before, and those that bring descriptors; the others
 * only if a rule asks for every one.
 */

#define DATA_MAX    80 /* of evt.buffer, as in Falco */
#define PASSED_MAX  16
#define PASSED_TEXT 8192 /* no further descriptor is listed behind that much text */
#define MESSAGES    64	 /* passed over in one go */
#define ALIKE_MAX   32

static __always_inline bool is_send(__u32 kind)
{
	return kind == EVENT_SENDTO || kind == EVENT_SENDMSG || kind == EVENT_SENDMMSG;
}

static __always_inline bool is_receive(__u32 kind)
{
	return kind == EVENT_RECVFROM || kind == EVENT_RECVMSG || kind == EVENT_RECVMMSG;
}

static __always_inline bool is_many(__u32 kind)
{
	return kind == EVENT_SENDMMSG || kind == EVENT_RECVMMSG;
}

/* append_passed lists the next descriptor that came along. A socket's addresses are left to the
 * rules on its own calls. False: there is no further one to list.
 */
static __always_inline bool append_passed(struct scratch *s)
{
	struct message_event *e = &s->record.message;
	__u64 from = s->encounter.fds + 4 * e->listed;
	__u32 place = s->text_len & TEXT_MASK;
	struct passed_fd p = {};
	struct file *file;

	if (e->listed >= e->passed || e->listed >= PASSED_MAX || s->text_len > PASSED_TEXT)
		return 0;
	if (bpf_probe_read_user(&p.fd, sizeof(p.fd), (void *)from)) {
		count_drop(DROP_USER_MEMORY, e->header.kind);
		return 0;
	}
	s->text_len += sizeof(p);
	file = file_of(bpf_get_current_task_btf(), p.fd);
	if (file) {
		struct inode *inode = READ(file, f_inode);

		read_inode(&p.file, inode);
		if ((p.file.mode & S_IFMT) != S_IFSOCK)
			read_real(s, sizeof(*e), &p.file, place_of(&file->f_path));
	}
	bpf_probe_read_kernel(&s->record.bytes[sizeof(*e) + place], sizeof(p), &p);
	e->listed++;
	return 1;
}

/* append_data copies the first bytes of what was sent or received. */
static __always_inline void append_data(struct scratch *s, struct message_event *e)
{
	/* Of what is yet to be sent, it is not known how much will be. */
	__s64 moved = e->header.ret == RESULT_LATER ? (__s64)e->size : e->header.ret;
	__u64 left = moved;

	if (moved <= 0)
		return;
	if (left > DATA_MAX)
		left = DATA_MAX;
	for (int i = 0; i < BUFFERS; i++) {
		__u64 n = s->buffers[i].len < left ? s->buffers[i].len : left;

		if (!left)
			break;
		e->data_len += append_user(s, sizeof(*e), (void *)s->buffers[i].base, n);
		left -= n;
	}
}

/* worth_telling looks at a message without a record, since most end here. */
static __always_inline bool worth_telling(struct scratch *s, __u32 kind, long ret)
{
	struct encounter *x = &s->encounter;
	struct file *file = call_file(s);
	struct sock *sk;

	__builtin_memset(x, 0, sizeof(*x));
	sk = sock_of(file, &x->key);
	read_message(s, kind, ret, &x->message);
	use_copied(s, &x->message);
	read_address(s, &x->message);
	if (sk) {
		x->changed = meet(s, sk, is_send(kind));
		x->on_unix = READ(&sk->__sk_common, skc_family) == AF_UNIX;
		if (ret >= 0 && x->on_unix && !is_send(kind))
			x->fds = passed_at(s, &x->message, &x->passed);
	} else if (s->call.via == VIA_IO_URING && is_send(kind)) {
		/* What the request before it makes: any other end is a new one. */
		x->changed = name_peer(s, AF_INET, &x->peer);
		x->peer.generation = peers_generation;
		x->peer.role = ROLE_CLIENT;
	}
	return x->changed || x->fds || (x->message.lost && ret >= 0) ||
	       scopes[kind & (EVENT_KINDS - 1)] & SCOPE_EVERY_MESSAGE;
}

/* send_message: what was lost is told again. */
static __always_inline void send_message(struct scratch *s)
{
	struct encounter *x = &s->encounter;

	if (send_record(s, sizeof(struct message_event)) || !x->changed)
		return;
	if (bpf_map_update_elem(&peers, &x->key, &x->peer, BPF_ANY))
		count_drop(DROP_MAP_FULL, s->record.header.kind);
}

/* alike reports whether the message at hand has the address of the one looked at before, and so
 * cannot change the socket's other end. Longer addresses than the internet's are not compared.
 */
static __always_inline bool alike(struct scratch *s)
{
	__u64 name[ALIKE_MAX / 8] = {}, *before = (__u64 *)s->asked;
	struct message m;
	__u32 len;

	if (!read_header(s, header_at(s), &m))
		return 0;
	len = m.name ? m.name_len : 0;
	if (len != s->asked_len || len > ALIKE_MAX)
		return 0;
	asm volatile("" : "+r"(len));
	if (len > ALIKE_MAX || bpf_probe_read_user(name, len, (void *)m.name))
		return 0;
	return name[0] == before[0] && name[1] == before[1] && name[2] == before[2] &&
	       name[3] == before[3];
}

/* next_message goes on with the next message of the call that may be worth telling. Which one that
 * is lives in the map. The kernel lets programs go on 32 times; what is
 * left then is counted.
 */
static __always_inline void next_message(void *ctx, struct scratch *s, __u32 kind, long ret)
{
	bool each = s->encounter.on_unix && !is_send(kind);

	if (!is_many(kind))
		return;
	each |= !!(scopes[kind & (EVENT_KINDS - 1)] & SCOPE_EVERY_MESSAGE);
	s->call.message++;
	for (int i = 0; i < MESSAGES && !each; i++) {
		if (s->call.message >= ret || !alike(s))
			break;
		s->call.message++;
	}
	if (s->call.message >= ret)
		return;
	bpf_tail_call(ctx, &handlers, kind);
	count_drop(DROP_TAIL_CALL, kind);
}

/* on_message is for a call's message, or for one of several. What is worth telling is told by
 * on_told, a program of its own: the verifier follows the ways through each by itself.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_message, struct pt_regs *regs, long ret)
{
	struct scratch *s = get_scratch();
	__u32 kind;

	if (!s)
		return 0;
	kind = s->call.kind;
	if (worth_telling(s, kind, ret)) {
		bpf_tail_call(ctx, &handlers, HANDLER_TOLD);
		count_drop(DROP_TAIL_CALL, kind);
	}
	next_message(ctx, s, kind, ret);
	return 0;
}

/* tell_message fills in the record that was begun. */
static __always_inline void tell_message(struct scratch *s)
{
	struct encounter *x = &s->encounter;
	struct message_event *e = &s->record.message;
	bool send = is_send(e->header.kind);

	if (x->message.lost)
		count_drop(DROP_USER_MEMORY, e->header.kind);
	e->fd.fd = call_arg(s, 0);
	read_socket_file(s, sizeof(*e), &e->fd, call_file(s), send);
	e->fd.socket.asked_len = append_kernel(s, sizeof(*e), s->asked, s->asked_len);
	e->other_len = append_other(s, sizeof(*e), &e->fd.socket, call_file(s), send);
	read_buffers(s);
	for (int i = 0; i < BUFFERS; i++)
		e->size += s->buffers[i].len;
	e->flags = x->message.flags;
	e->role = x->peer.role;
	e->changed = x->changed;
	e->passed = x->passed;
	if (scopes[e->header.kind & (EVENT_KINDS - 1)] & SCOPE_DATA)
		append_data(s, e);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_told, struct pt_regs *regs, long ret)
{
	struct scratch *s = get_scratch();

	if (!s || !begin_call(s->encounter.message.ret, sizeof(struct message_event)))
		return 0;
	tell_message(s);
	if (s->encounter.fds) {
		bpf_tail_call(ctx, &handlers, HANDLER_PASSED);
		count_drop(DROP_TAIL_CALL, s->call.kind);
	}
	send_message(s);
	next_message(ctx, s, s->call.kind, ret);
	return 0;
}

/* on_passed goes on with a message that brought descriptors, one after the other: each has a path
 * to follow.
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_passed, struct pt_regs *regs, long ret)
{
	struct scratch *s = get_scratch();

	if (!s)
		return 0;
	if (append_passed(s))
		bpf_tail_call(ctx, &handlers, HANDLER_PASSED);
	send_message(s);
	next_message(ctx, s, s->call.kind, ret);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_socket, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct socket_event));
	struct socket_event *e;

	if (!s)
		return 0;
	e = &s->record.socket;
	e->domain = call_arg(s, 0);
	e->type = call_arg(s, 1);
	e->protocol = call_arg(s, 2);
	read_fd(s, sizeof(*e), &e->fd, ret, 0);
	send_record(s, sizeof(*e));
	return 0;
}
