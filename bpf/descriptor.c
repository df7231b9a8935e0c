/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* descriptor.c - calls on a descriptor that is there already, or of another one: sockets are
 * connected and bound, descriptors are copied.
 */

/* append_asked appends the address of the call as it is: the decoder takes it apart. It is beside
 * the socket's own because a load balancer in the kernel rewrites one into the other, and because a
 * connect that failed leaves none in the socket.
 */
static __always_inline void append_asked(
	struct scratch *s, struct fd_event *e, const void *address, __u64 len)
{
	if (len > SOCKADDR_MAX)
		len = SOCKADDR_MAX;
	e->fd.socket.asked_len = append_user(s, sizeof(*e), address, len);
}

/* connect tells the other end's unix address, bind its own. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_connect, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	read_fd(s, sizeof(*e), &e->fd, call_arg(s, 0), e->header.kind == EVENT_CONNECT);
	append_asked(s, e, (void *)call_arg(s, 1), (__u32)call_arg(s, 2));
	e->other_len = append_other(
		s, sizeof(*e), &e->fd.socket, call_arg(s, 0), e->header.kind == EVENT_CONNECT);
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_listen, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	read_fd(s, sizeof(*e), &e->fd, call_arg(s, 0), 0);
	e->backlog = call_arg(s, 1);
	send_record(s, sizeof(*e));
	return 0;
}

/* on_new_fd is for calls that return a descriptor made from another: accept and the dup family. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_new_fd, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	e->oldfd = call_arg(s, 0);
	if (e->header.kind == EVENT_DUP2 || e->header.kind == EVENT_DUP3)
		e->newfd = call_arg(s, 1);
	if (e->header.kind == EVENT_DUP3)
		e->flags = (__u32)call_arg(s, 2);
	if (e->header.kind == EVENT_ACCEPT4)
		e->flags = (__u32)call_arg(s, 3);
	read_fd(s, sizeof(*e), &e->fd, ret, 0);
	e->other_len = append_other(s, sizeof(*e), &e->fd.socket, ret, 0);
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_fchmod, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	read_fd(s, sizeof(*e), &e->fd, call_arg(s, 0), 0);
	e->mode = call_arg(s, 1) & 07777;
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_finit_module, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;
	long n;

	if (!s)
		return 0;
	e = &s->record.fd;
	read_fd(s, sizeof(*e), &e->fd, call_arg(s, 0), 0);
	e->flags = (__u32)call_arg(s, 2);
	n = append_user_str(s, sizeof(*e), (void *)call_arg(s, 1));
	if (n > 0)
		e->params_len = n;
	send_record(s, sizeof(*e));
	return 0;
}
