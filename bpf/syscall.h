/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* syscall.h - system calls as sys_exit shows them: the arguments are still in the registers, except
 * after an exec that succeeded.
 */
#ifndef TIERCEL_SYSCALL_H
#define TIERCEL_SYSCALL_H

#if defined(__TARGET_ARCH_x86)
/* The kernel takes the number from the low half of rax, whatever the other half holds. */
static __always_inline __u64 call_number(struct pt_regs *regs)
{
	return (__u32)regs->orig_ax;
}

static __always_inline void read_args(struct call *c, struct pt_regs *regs)
{
	c->args[0] = regs->di;
	c->args[1] = regs->si;
	c->args[2] = regs->dx;
	c->args[3] = regs->r10;
	c->args[4] = regs->r8;
	c->args[5] = regs->r9;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u64 call_number(struct pt_regs *regs)
{
	return (__u32)regs->syscallno;
}

/* x0 holds the result by now. */
static __always_inline void read_args(struct call *c, struct pt_regs *regs)
{
	c->args[0] = regs->orig_x0;
	c->args[1] = regs->regs[1];
	c->args[2] = regs->regs[2];
	c->args[3] = regs->regs[3];
	c->args[4] = regs->regs[4];
	c->args[5] = regs->regs[5];
}
#endif

static __always_inline __u64 call_arg(struct scratch *s, int n)
{
	return s->call.args[n];
}

/* call_file is what the call or request acts on: the file behind its first argument. */
static __always_inline struct file *call_file(struct scratch *s)
{
	if (s->call.via == VIA_IO_URING)
		return (void *)s->call.file;
	return file_of(bpf_get_current_task_btf(), call_arg(s, 0));
}

/* begin_call begins the record of the call that the dispatcher left. */
static __always_inline struct scratch *begin_call(long ret, __u32 fixed)
{
	struct scratch *s = get_scratch();

	if (!s)
		return 0;
	begin_record(s, bpf_get_current_task_btf(), s->call.kind, ret, fixed);
	s->record.header.via = s->call.via;
	return s;
}

#endif
