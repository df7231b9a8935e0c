/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record.h - begin a record, append its texts, send it. */
#ifndef TIERCEL_RECORD_H
#define TIERCEL_RECORD_H

/* send_record hands the record to the ring. fixed is the size of the kind's struct. The sequence
 * number is used up either way: the reader sees in its gaps what was lost here.
 */
static __always_inline long send_record(struct scratch *s, __u32 fixed)
{
	struct event_header *h = &s->record.header;
	__u64 size = fixed + s->text_len;

	h->seq = s->seq++;
	h->size = size;
	if (h->kind >= PROCESS_KINDS &&
		bpf_ringbuf_query(&records, BPF_RB_AVAIL_DATA) > ring_unreserved) {
		count_drop(DROP_RESERVED, h->kind);
		return -1;
	}
	/* The verifier wants the bound on the register that it sees passed. */
	asm volatile("" : "+r"(size));
	if (size > sizeof(s->record) || bpf_ringbuf_output(&records, &s->record, size, 0)) {
		count_drop(DROP_RING_FULL, h->kind);
		return -1;
	}
	return 0;
}

/* verifiable bounds a length right before its use. Where the compiler knows a bound it would drop
 * the mask, and the verifier, which has forgotten, would refuse.
 */
static __always_inline __u32 verifiable(__u32 len)
{
	asm volatile("" : "+r"(len));
	return len & TEXT_MAX;
}

/* text_end is where the record's next text goes. */
static __always_inline __u8 *text_end(struct scratch *s, __u32 fixed)
{
	return &s->record.bytes[fixed + (s->text_len & TEXT_MASK)];
}

static __always_inline __u16 append_kernel(
	struct scratch *s, __u32 fixed, const void *from, __u32 len)
{
	len = verifiable(len);
	if (bpf_probe_read_kernel(text_end(s, fixed), len, from))
		return 0;
	s->text_len += len;
	return len;
}

static __always_inline __u16 append_kernel_str(struct scratch *s, __u32 fixed, const void *from)
{
	long n = bpf_probe_read_kernel_str(text_end(s, fixed), TEXT_MAX + 1, from);

	if (n <= 0)
		return 0;
	s->text_len += n - 1;
	return n - 1;
}

/* append_user copies memory of the process. It is not resident if it was paged out, or if it never
 * was what the caller said.
 */
static __always_inline __u16 append_user(
	struct scratch *s, __u32 fixed, const void *from, __u32 len)
{
	len = verifiable(len);
	if (bpf_probe_read_user(text_end(s, fixed), len, from)) {
		count_drop(DROP_USER_MEMORY, s->record.header.kind);
		return 0;
	}
	s->text_len += len;
	return len;
}

/* append_user_str returns the length of the text, or an errno. */
static __always_inline long append_user_str(struct scratch *s, __u32 fixed, const void *from)
{
	long n = bpf_probe_read_user_str(text_end(s, fixed), TEXT_MAX + 1, from);

	if (n <= 0) {
		count_drop(DROP_USER_MEMORY, s->record.header.kind);
		return -1;
	}
	s->text_len += n - 1;
	return n - 1;
}

#endif
