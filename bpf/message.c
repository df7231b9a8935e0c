/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* message.c - sockets are made, and messages go through them: whom a process sends to without a
 * connection, whom it receives from, and the descriptors that come along.
 *
 * A process may send hundreds of thousands of messages a second. Reported are those that tell
 * something: the first to another peer than before, and those that bring descriptors; the others
 * only if a rule asks for every one.
 */

#define DATA_MAX    80 /* of evt.buffer, as in Falco */
#define CMSGS	    3  /* a unix socket receives credentials, a label, descriptors, in this order */
#define PASSED_MAX  16
#define PASSED_TEXT 8192 /* no further descriptor is listed behind that much text */
#define MESSAGES    64	 /* passed over in one go */
#define ALIKE_MAX   32

/* From uapi/linux/socket.h, uio.h and their compat forms. */
struct user_msghdr {
	__u64 name;
	__s32 name_len;
	__u32 hole0;
	__u64 iov;
	__u64 iovs;
	__u64 control;
	__u64 control_len;
	__u32 flags;
	__u32 hole1;
};

struct compat_msghdr {
	__u32 name;
	__s32 name_len;
	__u32 iov;
	__u32 iovs;
	__u32 control;
	__u32 control_len;
	__u32 flags;
};

/* sendmmsg and recvmmsg have the length behind each. */
struct mmsghdr {
	struct user_msghdr hdr;
	__u32 len;
	__u32 hole;
};

struct compat_mmsghdr {
	struct compat_msghdr hdr;
	__u32 len;
};

struct compat_iovec {
	__u32 base;
	__u32 len;
};

struct cmsghdr {
	__u64 len;
	__s32 level;
	__s32 type;
};

struct compat_cmsghdr {
	__u32 len;
	__s32 level;
	__s32 type;
};

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

/* read_header reads a msghdr. False: its memory is not there. */
static __always_inline bool read_header(struct scratch *s, __u64 at, struct message *m)
{
	struct compat_msghdr c;
	struct user_msghdr h;

	if (s->call.narrow) {
		if (bpf_probe_read_user(&c, sizeof(c), (void *)at))
			return 0;
		h.name = c.name;
		h.name_len = c.name_len;
		h.iov = c.iov;
		h.iovs = c.iovs;
		h.control = c.control;
		h.control_len = c.control_len;
	} else if (bpf_probe_read_user(&h, sizeof(h), (void *)at)) {
		return 0;
	}
	m->name = h.name;
	m->name_len = h.name_len;
	m->data = h.iov;
	m->buffers = h.iovs;
	m->control = h.control;
	m->control_len = h.control_len;
	return 1;
}

/* header_at is where the call's message at hand stands among several. */
static __always_inline __u64 header_at(struct scratch *s)
{
	return call_arg(s, 1) + s->call.message * (s->call.narrow ? sizeof(struct compat_mmsghdr)
								  : sizeof(struct mmsghdr));
}

/* read_length reads what the kernel wrote behind a header: how much of the message was moved. */
static __always_inline void read_length(struct scratch *s, struct message *m)
{
	__u32 offset = s->call.narrow ? sizeof(struct compat_msghdr) : sizeof(struct user_msghdr);
	__u32 len;

	if (!bpf_probe_read_user(&len, sizeof(len), (void *)(header_at(s) + offset)))
		m->ret = len;
}

/* read_message reads what the arguments tell of a message, and what those point to: the calls
 * differ in where that stands.
 */
static __always_inline void read_message(struct scratch *s, __u32 kind, long ret, struct message *m)
{
	m->ret = ret;
	switch (kind) {
	case EVENT_SENDTO:
	case EVENT_RECVFROM:
		m->data = call_arg(s, 1);
		m->size = call_arg(s, 2);
		m->flags = call_arg(s, 3);
		m->name = call_arg(s, 4);
		m->name_len = call_arg(s, 5);
		if (kind == EVENT_RECVFROM && m->name)
			m->lost = !!bpf_probe_read_user(
				&m->name_len, sizeof(m->name_len), (void *)call_arg(s, 5));
		break;
	case EVENT_SENDMSG:
	case EVENT_RECVMSG:
		m->flags = call_arg(s, 2);
		m->lost = !read_header(s, call_arg(s, 1), m);
		break;
	default:
		m->flags = call_arg(s, 3);
		m->lost = !read_header(s, header_at(s), m);
		if (!m->lost && ret > 0)
			read_length(s, m);
	}
}

/* use_copied has the address read from where the kernel copied it. */
static __always_inline void use_copied(struct scratch *s, struct message *m)
{
	struct io_async_msghdr *copied = (void *)s->call.copied;

	if (!copied)
		return;
	m->name = (__u64)READ(copied, msg.msg_name);
	m->name_len = READ(copied, msg.msg_namelen);
	m->in_kernel = 1;
}

/* read_address reads the message's address, if the call has one. */
static __always_inline void read_address(struct scratch *s, struct message *m)
{
	__u32 len = m->name_len;

	__builtin_memset(s->asked, 0, sizeof(s->asked));
	s->asked_len = 0;
	if (!m->name || !len || (m->ret < 0 && m->ret != -EINPROGRESS))
		return;
	if (len > SOCKADDR_MAX)
		len = SOCKADDR_MAX;
	asm volatile("" : "+r"(len));
	if (len > SOCKADDR_MAX)
		return;
	if (m->in_kernel ? bpf_probe_read_kernel(s->asked, len, (void *)m->name)
			 : bpf_probe_read_user(s->asked, len, (void *)m->name))
		m->lost = 1;
	else
		s->asked_len = len;
}

/* hash_name is FNV-1a over the address's words, twice. */
static __always_inline void hash_name(struct scratch *s, __u64 *hash)
{
	__u64 *words = (__u64 *)s->asked;

	hash[0] = 0xcbf29ce484222325;
	for (int i = 0; i < SOCKADDR_MAX / 8; i++) {
		hash[0] = (hash[0] ^ words[i]) * 0x100000001b3;
		hash[0] ^= hash[0] >> 32;
	}
	hash[1] = s->asked_len;
}

/* name_peer makes a peer of the message's address. False: it names none. */
static __always_inline bool name_peer(struct scratch *s, __u16 family, struct peer *p)
{
	p->family = *(__u16 *)s->asked;
	/* What udp_sendmsg takes for AF_INET. */
	if (!p->family && family == AF_INET)
		p->family = AF_INET;
	if (!s->asked_len)
		return 0;
	switch (p->family) {
	case AF_INET:
		p->port = *(__u16 *)(s->asked + 2);
		__builtin_memcpy(p->addr, s->asked + 4, 4);
		return 1;
	case AF_INET6:
		p->port = *(__u16 *)(s->asked + 2);
		__builtin_memcpy(p->addr, s->asked + 8, 16);
		return 1;
	case AF_UNIX:
		hash_name(s, (__u64 *)p->addr);
		return 1;
	}
	return 0;
}

/* own_peer is what an internet socket is connected to, if it is. */
static __always_inline void own_peer(struct sock_common *c, struct peer *p)
{
	p->family = READ(c, skc_family);
	p->port = READ(c, skc_dport);
	if (p->family == AF_INET)
		bpf_probe_read_kernel(p->addr, 4, &c->skc_daddr);
	else if (p->family == AF_INET6)
		bpf_probe_read_kernel(p->addr, 16, &c->skc_v6_daddr);
}

static __always_inline bool same_peer(const struct peer *a, const struct peer *b)
{
	const __u64 *x = (const __u64 *)a->addr, *y = (const __u64 *)b->addr;

	return x[0] == y[0] && x[1] == y[1] && a->port == b->port && a->family == b->family;
}

/* first_role: who sends first without a connection is a client, and who receives first on a port
 * that it chose is a server. An internet stream that listens, or that accept made from one that
 * did, has a backlog. Of a unix one that says nothing.
 */
static __always_inline enum role first_role(struct sock *sk, bool send)
{
	if (READ(sk, sk_type) == SOCK_STREAM) {
		if (READ(&sk->__sk_common, skc_family) == AF_UNIX)
			return ROLE_UNKNOWN;
		return READ(sk, sk_max_ack_backlog) ? ROLE_SERVER : ROLE_CLIENT;
	}
	if (send)
		return ROLE_CLIENT;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK ? ROLE_SERVER
										    : ROLE_CLIENT;
}

/* meet finds whether a message changes the socket's other end, and the process's role. A stream's
 * connection decides for itself, but for one that the message itself makes.
 */
static __always_inline bool meet(struct scratch *s, struct sock *sk, bool send)
{
	struct encounter *x = &s->encounter;
	struct peer *last = bpf_map_lookup_elem(&peers, &x->key);
	bool named = name_peer(s, READ(&sk->__sk_common, skc_family), &x->peer);
	bool stream = READ(sk, sk_type) == SOCK_STREAM;
	struct peer own = {};

	x->peer.generation = peers_generation;
	if (last && last->generation != x->peer.generation)
		last = 0;
	x->peer.role = last ? last->role : first_role(sk, send);
	if (stream && !(send && x->message.flags & MSG_FASTOPEN))
		return 0;
	if (!named)
		return 0;
	if (last)
		return !same_peer(last, &x->peer);
	if (stream)
		return 1;
	own_peer(&sk->__sk_common, &own);
	return !same_peer(&own, &x->peer);
}

static __always_inline struct sock *sock_of(struct file *file, struct socket_key *key)
{
	struct inode *inode;
	struct socket *socket;

	if (!file)
		return 0;
	inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = READ(file, private_data);
	key->sock = (__u64)READ(socket, sk);
	key->ino = READ(inode, i_ino);
	return (void *)key->sock;
}

/* read_control reads the header of a control message. False: there is none that holds together. */
static __always_inline bool read_control(
	struct scratch *s, __u64 at, __u64 left, __u32 head, struct cmsghdr *c)
{
	struct compat_cmsghdr n;

	if (left < head)
		return 0;
	if (s->call.narrow) {
		if (bpf_probe_read_user(&n, sizeof(n), (void *)at))
			return 0;
		c->len = n.len;
		c->level = n.level;
		c->type = n.type;
	} else if (bpf_probe_read_user(c, sizeof(*c), (void *)at)) {
		return 0;
	}
	return c->len >= head && c->len <= left;
}

/* passed_at finds the descriptors that came with a message: n of them, as integers. */
static __always_inline __u64 passed_at(struct scratch *s, const struct message *m, __u32 *n)
{
	__u32 head = s->call.narrow ? sizeof(struct compat_cmsghdr) : sizeof(struct cmsghdr);
	__u64 align = s->call.narrow ? 3 : 7;
	__u64 at = m->control, left = m->control_len;

	for (int i = 0; i < CMSGS && at; i++) {
		struct cmsghdr c;
		__u64 step;

		if (!read_control(s, at, left, head, &c))
			return 0;
		if (c.level == SOL_SOCKET && c.type == SCM_RIGHTS) {
			*n = (c.len - head) / sizeof(__s32);
			return at + head;
		}
		step = (c.len + align) & ~align;
		if (step > left)
			return 0;
		at += step;
		left -= step;
	}
	return 0;
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

/* read_buffers reads where the message's buffers are; of many, the first. */
static __always_inline void read_buffers(struct scratch *s)
{
	struct message *m = &s->encounter.message;
	struct compat_iovec narrow[BUFFERS] = {};
	__u64 n = m->buffers;

	__builtin_memset(s->buffers, 0, sizeof(s->buffers));
	if (!n) {
		s->buffers[0].base = m->data;
		s->buffers[0].len = m->size;
		return;
	}
	if (n > BUFFERS)
		n = BUFFERS;
	n *= s->call.narrow ? sizeof(*narrow) : sizeof(struct iovec);
	asm volatile("" : "+r"(n));
	if (!s->call.narrow) {
		if (n <= sizeof(s->buffers))
			bpf_probe_read_user(s->buffers, n, (void *)m->data);
		return;
	}
	if (n <= sizeof(narrow))
		bpf_probe_read_user(narrow, n, (void *)m->data);
	for (int i = 0; i < BUFFERS; i++) {
		s->buffers[i].base = narrow[i].base;
		s->buffers[i].len = narrow[i].len;
	}
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
