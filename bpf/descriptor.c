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
		s, sizeof(*e), &e->fd.socket, call_file(s), e->header.kind == EVENT_CONNECT);
	send_record(s, sizeof(*e));
	return 0;
}

/* on_fd is for calls on a descriptor with a number behind it. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_fd, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;
	__u64 number;
	__s32 fd;

	if (!s)
		return 0;
	e = &s->record.fd;
	fd = call_arg(s, 0);
	number = call_arg(s, 1);
	read_fd(s, sizeof(*e), &e->fd, fd, 0);
	switch (e->header.kind) {
	case EVENT_LISTEN:
		e->number = number;
		break;
	case EVENT_FCHMOD:
		e->mode = number & 07777;
		break;
	case EVENT_FTRUNCATE:
		e->flags = number;
		break;
	case EVENT_SETNS:
		e->flags = (__u32)number;
		e->number = pid_behind(fd);
	}
	send_record(s, sizeof(*e));
	return 0;
}

/* on_new_fd is for calls that return a descriptor, mostly made from another. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_new_fd, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct fd_event));
	struct fd_event *e;

	if (!s)
		return 0;
	e = &s->record.fd;
	if (e->header.kind != EVENT_USERFAULTFD)
		e->oldfd = call_arg(s, 0);
	switch (e->header.kind) {
	case EVENT_USERFAULTFD:
		e->flags = (__u32)call_arg(s, 0);
		break;
	case EVENT_ACCEPT4:
		e->flags = (__u32)call_arg(s, 3);
		break;
	case EVENT_PIDFD_GETFD:
		e->number = pid_behind(e->oldfd);
		/* fallthrough */
	case EVENT_DUP3:
		e->flags = (__u32)call_arg(s, 2);
		/* fallthrough */
	case EVENT_DUP2:
		e->newfd = call_arg(s, 1);
	}
	read_fd(s, sizeof(*e), &e->fd, ret, 0);
	e->other_len = append_other(
		s, sizeof(*e), &e->fd.socket, file_of(bpf_get_current_task_btf(), ret), 0);
	send_record(s, sizeof(*e));
	return 0;
}

/* Most of fcntl is of no interest, and frequent: what does not copy a descriptor leaves at once. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_fcntl, struct pt_regs *regs, long ret)
{
	struct scratch *s = get_scratch();
	struct fd_event *e;
	__u32 command;

	if (!s)
		return 0;
	command = call_arg(s, 1);
	if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
		return 0;
	s = begin_call(ret, sizeof(*e));
	if (!s)
		return 0;
	e = &s->record.fd;
	e->oldfd = call_arg(s, 0);
	e->flags = command;
	e->newfd = call_arg(s, 2);
	read_fd(s, sizeof(*e), &e->fd, ret, 0);
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
