/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* peer.h - whom a socket is told to reach, and whether that is another than before. */
#ifndef TIERCEL_PEER_H
#define TIERCEL_PEER_H

/* hash_name is FNV-1a over the address's words, twice. */
static __always_inline void hash_name(struct scratch *s, __u64 *hash)
{
	__u64 *words = (__u64 *)s->asked;

	hash[0] = 0xcbf29ce484222325;
	for (int i = 0; i < SOCKADDR_MAX / 8; i++) {
		hash[0] = (hash[0] ^ words[i]) * 0x100000001b3;
		hash[0] ^= hash[0] >> 32;
	}
	hash[1] = s->asked_len;
}

/* name_peer makes a peer of the message's address. False: it names none. */
static __always_inline bool name_peer(struct scratch *s, __u16 family, struct peer *p)
{
	p->family = *(__u16 *)s->asked;
	/* What udp_sendmsg takes for AF_INET. */
	if (!p->family && family == AF_INET)
		p->family = AF_INET;
	if (!s->asked_len)
		return 0;
	switch (p->family) {
	case AF_INET:
		p->port = *(__u16 *)(s->asked + 2);
		__builtin_memcpy(p->addr, s->asked + 4, 4);
		return 1;
	case AF_INET6:
		p->port = *(__u16 *)(s->asked + 2);
		__builtin_memcpy(p->addr, s->asked + 8, 16);
		return 1;
	case AF_UNIX:
		hash_name(s, (__u64 *)p->addr);
		return 1;
	}
	return 0;
}

/* own_peer is what an internet socket is connected to, if it is. */
static __always_inline void own_peer(struct sock_common *c, struct peer *p)
{
	p->family = READ(c, skc_family);
	p->port = READ(c, skc_dport);
	if (p->family == AF_INET)
		bpf_probe_read_kernel(p->addr, 4, &c->skc_daddr);
	else if (p->family == AF_INET6)
		bpf_probe_read_kernel(p->addr, 16, &c->skc_v6_daddr);
}

static __always_inline bool same_peer(const struct peer *a, const struct peer *b)
{
	const __u64 *x = (const __u64 *)a->addr, *y = (const __u64 *)b->addr;

	return x[0] == y[0] && x[1] == y[1] && a->port == b->port && a->family == b->family;
}

/* first_role: who sends first without a connection is a client, and who receives first on a port
 * that it chose is a server. An internet stream that listens, or that accept made from one that
 * did, has a backlog. Of a unix one that says nothing.
 */
static __always_inline enum role first_role(struct sock *sk, bool send)
{
	if (READ(sk, sk_type) == SOCK_STREAM) {
		if (READ(&sk->__sk_common, skc_family) == AF_UNIX)
			return ROLE_UNKNOWN;
		return READ(sk, sk_max_ack_backlog) ? ROLE_SERVER : ROLE_CLIENT;
	}
	if (send)
		return ROLE_CLIENT;
	return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK ? ROLE_SERVER
										    : ROLE_CLIENT;
}

/* meet finds whether a message changes the socket's other end, and the process's role. A stream's
 * connection decides for itself, but for one that the message itself makes.
 */
static __always_inline bool meet(struct scratch *s, struct sock *sk, bool send)
{
	struct encounter *x = &s->encounter;
	struct peer *last = bpf_map_lookup_elem(&peers, &x->key);
	bool named = name_peer(s, READ(&sk->__sk_common, skc_family), &x->peer);
	bool stream = READ(sk, sk_type) == SOCK_STREAM;
	struct peer own = {};

	x->peer.generation = peers_generation;
	if (last && last->generation != x->peer.generation)
		last = 0;
	x->peer.role = last ? last->role : first_role(sk, send);
	if (stream && !(send && x->message.flags & MSG_FASTOPEN))
		return 0;
	if (!named)
		return 0;
	if (last)
		return !same_peer(last, &x->peer);
	if (stream)
		return 1;
	own_peer(&sk->__sk_common, &own);
	return !same_peer(&own, &x->peer);
}

static __always_inline struct sock *sock_of(struct file *file, struct socket_key *key)
{
	struct inode *inode;
	struct socket *socket;

	if (!file)
		return 0;
	inode = READ(file, f_inode);
	if ((READ(inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = READ(file, private_data);
	key->sock = (__u64)READ(socket, sk);
	key->ino = READ(inode, i_ino);
	return (void *)key->sock;
}

#endif
