/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* read.h - follow pointers that the verifier knows nothing of, such as those read from an array.
 *
 * From 6.2 on bpf_rdonly_cast() tells it the type, and the read is a plain load: a tenth of the
 * cost of a helper's call. The sensor looks whether the kernel has it, before the programs are
 * loaded. Either way, what cannot be read reads as zero.
 */
#ifndef TIERCEL_READ_H
#define TIERCEL_READ_H

/* Set before load. */
const volatile __u32 direct_reads = 0;

extern void *bpf_rdonly_cast(const void *object, __u32 type) __ksym __weak;

#define AS(type, pointer) ((type *)bpf_rdonly_cast(pointer, bpf_core_type_id_kernel(type)))

#define READ(pointer, field)                                                                       \
	({                                                                                         \
		typeof((pointer)->field) value_;                                                   \
		if (direct_reads)                                                                  \
			value_ = AS(typeof(*(pointer)), pointer)->field;                           \
		else                                                                               \
			bpf_probe_read_kernel(&value_, sizeof(value_), &(pointer)->field);         \
		value_;                                                                            \
	})

/* READ_MEMORY always calls the helper: for what stands at an index, since a plain load needs an
 * offset that is constant, and for loops.
 */
#define READ_MEMORY(element)                                                                       \
	({                                                                                         \
		typeof(element) value_;                                                            \
		bpf_probe_read_kernel(&value_, sizeof(value_), &(element));                        \
		value_;                                                                            \
	})

#endif
