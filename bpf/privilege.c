/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* privilege.c - calls that change what a process may do, or that only a privileged one may make.
 * Their arguments are numbers.
 */

/* read_ring_params reads how large a ring is, and its flags: the kernel has written there what it
 * made of what was asked for.
 */
static __always_inline void read_ring_params(struct scratch *s, struct number_event *e)
{
	struct {
		__u32 sq_entries;
		__u32 cq_entries;
		__u32 flags;
	} params; /* begins as struct io_uring_params of uapi/linux/io_uring.h */

	e->id[0] = call_arg(s, 0);
	if (bpf_probe_read_user(&params, sizeof(params), (void *)call_arg(s, 1))) {
		count_drop(DROP_USER_MEMORY, e->header.kind);
		return;
	}
	e->id[1] = params.sq_entries;
	e->id[2] = params.cq_entries;
	e->number = params.flags;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_number, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct number_event));
	struct number_event *e;

	if (!s)
		return 0;
	e = &s->record.number;
	switch (e->header.kind) {
	case EVENT_PTRACE:
		e->number = call_arg(s, 0);
		e->pid = call_arg(s, 1);
		break;
	case EVENT_BPF:
		e->number = (__s32)call_arg(s, 0);
		break;
	case EVENT_UNSHARE:
		e->number = (__u32)call_arg(s, 0);
		break;
	case EVENT_PROCESS_VM_READV:
	case EVENT_PROCESS_VM_WRITEV:
		e->pid = call_arg(s, 0);
		break;
	case EVENT_TGKILL:
		e->pid = call_arg(s, 0);
		e->id[0] = call_arg(s, 1);
		e->number = (__s32)call_arg(s, 2);
		break;
	case EVENT_KILL:
	case EVENT_TKILL:
		e->pid = call_arg(s, 0);
		e->number = (__s32)call_arg(s, 1);
		break;
	case EVENT_IO_URING_SETUP:
		read_ring_params(s, e);
		break;
	case EVENT_CAPSET: /* the header has what came of it */
		break;
	case EVENT_SETRESUID:
	case EVENT_SETRESGID:
		e->id[2] = call_arg(s, 2);
		/* fallthrough */
	case EVENT_SETREUID:
	case EVENT_SETREGID:
		e->id[1] = call_arg(s, 1);
		/* fallthrough */
	case EVENT_SETUID:
	case EVENT_SETGID:
		e->id[0] = call_arg(s, 0);
	}
	send_record(s, sizeof(*e));
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_init_module, struct pt_regs *regs, long ret)
{
	struct scratch *s = begin_call(ret, sizeof(struct number_event));
	struct number_event *e;
	long n;

	if (!s)
		return 0;
	e = &s->record.number;
	n = append_user_str(s, sizeof(*e), (void *)call_arg(s, 2));
	if (n > 0)
		e->params_len = n;
	send_record(s, sizeof(*e));
	return 0;
}
