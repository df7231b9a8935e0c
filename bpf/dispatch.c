/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dispatch.c - every system call returns through here: what no rule names leaves at once. */

/* wanted_here: where every rule of a kind asks for a container, the host's own are not wanted. What
 * is not known to be the host's is.
 */
static __always_inline bool wanted_here(__u32 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *note;
	__u64 id;

	if ((scopes[kind & (EVENT_KINDS - 1)] & SCOPE_WHERE) != SCOPE_CONTAINERS)
		return 1;
	id = task_cgroup(task)->kn->id;
	note = bpf_map_lookup_elem(&cgroups, &id);
	return !note || *note != CGROUP_HOST;
}

/* kind_of tells the kind of a call from its entry in the table. A 32-bit call is never taken for
 * the native one of its number, nor the other way round.
 */
static __always_inline __u32 kind_of(struct pt_regs *regs, __u16 entry, bool compat)
{
	__u32 kind = compat ? entry >> 8 : entry & 0xff;

	if (kind != SOCKETCALL)
		return kind;
	struct call asked;
	read_compat_args(&asked, regs);
	return asked.args[0] < SOCKET_CALLS ? socket_calls[asked.args[0]] : 0;
}

/* leave_call puts the call where the kind's program finds it. */
static __always_inline void leave_call(
	struct call *c, struct pt_regs *regs, __u64 nr, __u32 kind, bool compat)
{
	c->kind = kind;
	c->via = compat ? VIA_COMPAT : VIA_SYSCALL;
	c->message = 0;
	c->narrow = compat;
	c->file = 0;
	c->copied = 0;
	if (!compat) {
		read_args(c, regs);
		return;
	}
	read_compat_args(c, regs);
	if (calls[nr & (SYSCALLS - 1)] >> 8 == SOCKETCALL)
		unfold_socketcall(c);
	else
		widen_compat(c, nr);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = call_number(regs);
	struct scratch *s;
	bool compat;
	__u16 entry;
	__u32 kind;

	if (nr >= SYSCALLS) {
		/* -1 is what a return from a signal handler leaves there. */
		if (nr < X32_SYSCALL_BIT || nr >= 2 * (__u64)X32_SYSCALL_BIT)
			return 0;
		nr -= X32_SYSCALL_BIT;
		/* execve, ptrace and others have numbers of their own there, from 512 on. */
		if (nr >= SYSCALLS) {
			count_drop(DROP_X32, EVENT_NONE);
			return 0;
		}
		entry = calls[nr] & 0xff;
		if (entry)
			count_drop(DROP_X32, entry);
	} else {
		entry = calls[nr];
	}
	if (!entry)
		return 0;
	compat = is_compat();
	kind = kind_of(regs, entry, compat);
	if (!kind)
		return 0;
	/* One that succeeded was reported by on_exec. */
	if (kind <= EVENT_EXECVEAT && ret >= 0)
		return 0;
	if (!wanted_here(kind))
		return 0;
	s = get_scratch();
	if (!s)
		return 0;
	leave_call(&s->call, regs, nr, kind, compat);
	bpf_tail_call(ctx, &handlers, kind);
	count_drop(DROP_TAIL_CALL, kind);
	return 0;
}
