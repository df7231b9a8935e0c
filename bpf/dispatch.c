/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* dispatch.c - every system call returns through here: what no rule names leaves at once. */

/* A call by a 32-bit program has a number of another table, and pointers of another size: it is
 * counted and never decoded. Where only 32-bit calls of the number are of interest, which is so for
 * some of the most frequent native ones (fstat, lseek, munmap), the registers save the test.
 */
static __always_inline bool refuse_compat(struct pt_regs *regs, __u16 call)
{
	if (!(call & 0xff) && looks_native(regs))
		return 1;
	if (!is_compat())
		return 0;
	count_drop(DROP_COMPAT, call >> 8);
	return 1;
}

/* wanted_here: where every rule of a kind asks for a container, the host's own are not wanted. What
 * is not known to be the host's is.
 */
static __always_inline bool wanted_here(__u32 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 *note;
	__u64 id;

	if (scopes[kind & (EVENT_KINDS - 1)] != SCOPE_CONTAINERS)
		return 1;
	id = task_cgroup(task)->kn->id;
	note = bpf_map_lookup_elem(&cgroups, &id);
	return !note || *note != CGROUP_HOST;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 nr = call_number(regs);
	__u16 call;
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
		if (calls[nr] & 0xff)
			count_drop(DROP_X32, calls[nr] & 0xff);
	}
	call = calls[nr & (SYSCALLS - 1)];
	if (!call)
		return 0;
	if (refuse_compat(regs, call))
		return 0;
	kind = call & 0xff;
	if (!kind)
		return 0;
	/* One that succeeded was reported by on_exec. */
	if (kind <= EVENT_EXECVEAT && ret >= 0)
		return 0;
	if (!wanted_here(kind))
		return 0;
	bpf_tail_call(ctx, &handlers, kind);
	count_drop(DROP_TAIL_CALL, kind);
	return 0;
}
