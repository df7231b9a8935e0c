/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* sensor.bpf.c - the one translation unit: all programs share their maps and their scratch. */
#include "kernel.h"
#include "wire.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "read.h"
#include "message.h"
#include "maps.h"
#include "record.h"
#include "path.h"
#include "task.h"
#include "fd.h"
#include "syscall.h"
#include "compat.h"
#include "msghdr.h"
#include "peer.h"

#include "process.c"
#include "dispatch.c"
#include "file.c"
#include "descriptor.c"
#include "message.c"
#include "mount.c"
#include "privilege.c"
#include "uring.c"
#include "uring_message.c"

/* The tracing helpers are for programs under a licence that the kernel takes for GPL. */
char _license[] SEC("license") = "Dual BSD/GPL";

/* BTF keeps only the types that something refers to. */
const enum event_kind *unused_event_kind __attribute__((unused));
const enum drop_reason *unused_drop_reason __attribute__((unused));
const enum path_flag *unused_path_flag __attribute__((unused));
const struct passed_fd *unused_passed_fd __attribute__((unused));
const enum exec_flag *unused_exec_flag __attribute__((unused));
const enum via *unused_via __attribute__((unused));
