/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* msghdr.h - what a process's memory says of a message: headers, addresses, control messages and
 * buffers, in the forms of 64 and of 32 bits.
 */
#ifndef TIERCEL_MSGHDR_H
#define TIERCEL_MSGHDR_H

#define CMSGS 3 /* a unix socket receives credentials, a label, descriptors, in this order */

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

#endif
