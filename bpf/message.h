/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* message.h - a message on its way through the programs, and the sockets' ends that it is compared
 * with.
 */
#ifndef TIERCEL_MESSAGE_H
#define TIERCEL_MESSAGE_H

/* A socket, even if another one has its memory by now. */
struct socket_key {
	__u64 sock;
	__u64 ino;
};

/* The other end of a socket. */
struct peer {
	__u8 addr[16]; /* of a unix socket, a hash of its address */
	__u16 port;
	__u16 family;
	__u16 role; /* enum role */
	__u16 generation;
};

/* As in uapi/linux/uio.h. */
struct iovec {
	__u64 base;
	__u64 len;
};

/* A message as the process described it. */
struct message {
	__u64 name;
	__u64 data; /* a buffer, or with buffers, as many iovecs */
	__u64 buffers;
	__u64 size; /* of the buffer */
	__u64 control;
	__u64 control_len;
	__s64 ret;
	__u32 name_len;
	__u32 flags;
	__u32 lost;	 /* its memory could not be read */
	__u32 in_kernel; /* the name is in the kernel's memory */
};

/* A message with what is found out about it before there is a record. */
struct encounter {
	struct message message;
	struct socket_key key;
	struct peer peer;
	__u64 fds; /* where the descriptors that came along stand */
	__u32 passed;
	__u32 changed;
	__u32 on_unix;
};

#endif
