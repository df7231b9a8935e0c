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

static __always_inline __u64 call_arg(struct pt_regs *regs, int n)
{
	switch (n) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->r10;
	default:
		return regs->r8;
	}
}

/* looks_native saves a native call the test of the task: the SYSCALL instruction leaves its return
 * address in rcx, and the 32-bit entries leave what was there. Code that puts the address there
 * before an int 0x80 looks native, and so evades the count of 32-bit calls; nothing else depends on
 * it, since only calls that would not be decoded are asked about. It may be wrong the other way too
 * (FRED, signals).
 */
static __always_inline bool looks_native(struct pt_regs *regs)
{
	return regs->cx == regs->ip;
}

static __always_inline bool is_compat(void)
{
	return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
}
#elif defined(__TARGET_ARCH_arm64)
static __always_inline __u64 call_number(struct pt_regs *regs)
{
	return (__u32)regs->syscallno;
}

/* x0 holds the result by now. */
static __always_inline __u64 call_arg(struct pt_regs *regs, int n)
{
	return n ? regs->regs[n] : regs->orig_x0;
}

static __always_inline bool looks_native(struct pt_regs *regs)
{
	return 0;
}

static __always_inline bool is_compat(void)
{
	return bpf_get_current_task_btf()->thread_info.flags >> TIF_32BIT & 1;
}
#endif

/* begin_call begins the record of a system call. NULL: the kind was switched off this moment. */
static __always_inline struct scratch *begin_call(struct pt_regs *regs, long ret, __u32 fixed)
{
	struct scratch *s = get_scratch();
	__u64 nr = call_number(regs) & ~X32_SYSCALL_BIT;
	__u8 kind = calls[nr & (SYSCALLS - 1)];

	if (!s || !kind)
		return 0;
	begin_record(s, bpf_get_current_task_btf(), kind, ret, fixed);
	return s;
}

#endif
