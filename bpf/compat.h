/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* compat.h - 32-bit calls on a 64-bit kernel: numbers of another table, arguments in other
 * registers and of other widths. The flags of open are the same on both sides of either
 * architecture: amd64's are i386's, and arm64 took those of 32-bit ARM.
 */
#ifndef TIERCEL_COMPAT_H
#define TIERCEL_COMPAT_H

/* These have the same numbers in both 32-bit tables: ids of 16 bits, where -1 is 0xffff, and
 * lengths in one register and in two.
 */
#define COMPAT_SETUID16	   23
#define COMPAT_SETGID16	   46
#define COMPAT_SETREUID16  70
#define COMPAT_SETREGID16  71
#define COMPAT_SETRESUID16 164
#define COMPAT_SETRESGID16 170
#define COMPAT_TRUNCATE	   92
#define COMPAT_FTRUNCATE   93
#define COMPAT_TRUNCATE64  193
#define COMPAT_FTRUNCATE64 194

/* Of the ARM EABI: sendto and recvfrom without an address. */
#define COMPAT_SEND 289
#define COMPAT_RECV 291

/* is_compat asks the task, and not the registers: a 64-bit program, too, can make a 32-bit call,
 * and can put into every register what a native one would have there.
 */
#if defined(__TARGET_ARCH_x86)
#define WIDE_LENGTH 1 /* where the halves of a length in two registers begin */

static __always_inline bool is_compat(void)
{
	return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
}

static __always_inline void read_compat_args(struct call *c, struct pt_regs *regs)
{
	c->args[0] = (__u32)regs->bx;
	c->args[1] = (__u32)regs->cx;
	c->args[2] = (__u32)regs->dx;
	c->args[3] = (__u32)regs->si;
	c->args[4] = (__u32)regs->di;
	c->args[5] = (__u32)regs->bp;
}
#elif defined(__TARGET_ARCH_arm64)
#define WIDE_LENGTH 2 /* a pair of registers begins with an even one */

static __always_inline bool is_compat(void)
{
	return bpf_get_current_task_btf()->thread_info.flags >> TIF_32BIT & 1;
}

static __always_inline void read_compat_args(struct call *c, struct pt_regs *regs)
{
	c->args[0] = (__u32)regs->orig_x0;
	c->args[1] = (__u32)regs->regs[1];
	c->args[2] = (__u32)regs->regs[2];
	c->args[3] = (__u32)regs->regs[3];
	c->args[4] = (__u32)regs->regs[4];
	c->args[5] = (__u32)regs->regs[5];
}
#endif

static __always_inline __u32 id_of(__u64 id16)
{
	return (__u16)id16 == 0xffff ? -1 : (__u16)id16;
}

/* How many words socketcall reads, by its first argument. Reading more could meet memory that is
 * not there.
 */
static const __u8 socket_words[SOCKET_CALLS] = {
	0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};

/* unfold_socketcall replaces the arguments by those of the call that socketcall made, which stand
 * in memory.
 */
static __always_inline void unfold_socketcall(struct call *c)
{
	__u32 words[6] = {};
	__u32 n = socket_words[c->args[0] & (SOCKET_CALLS - 1)];

	if (n > 6)
		n = 6;
	if (bpf_probe_read_user(words, n * sizeof(*words), (void *)c->args[1])) {
		count_drop(DROP_USER_MEMORY, c->kind);
		words[0] = -1; /* no descriptor */
	}
	for (int i = 0; i < 6; i++)
		c->args[i] = words[i];
}

/* widen_compat makes the arguments those of the native call. */
static __always_inline void widen_compat(struct call *c, __u64 nr)
{
	switch (nr) {
	case COMPAT_SETUID16:
	case COMPAT_SETGID16:
	case COMPAT_SETREUID16:
	case COMPAT_SETREGID16:
	case COMPAT_SETRESUID16:
	case COMPAT_SETRESGID16:
		for (int i = 0; i < 3; i++)
			c->args[i] = id_of(c->args[i]);
		break;
	case COMPAT_TRUNCATE:
	case COMPAT_FTRUNCATE:
		c->args[1] = (__s32)c->args[1];
		break;
	case COMPAT_TRUNCATE64:
	case COMPAT_FTRUNCATE64:
		c->args[1] = c->args[WIDE_LENGTH] | c->args[WIDE_LENGTH + 1] << 32;
	}
#if defined(__TARGET_ARCH_arm64)
	if (nr == COMPAT_SEND || nr == COMPAT_RECV) {
		c->args[4] = 0;
		c->args[5] = 0;
	}
#endif
}

#endif
