/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* task.h - who acted: the header of a record, and the cgroup that leads to a container. */
#ifndef TIERCEL_TASK_H
#define TIERCEL_TASK_H

#define CGROUP_STEPS 32

/* task_cgroup finds the cgroup that a container runtime made for the task. Under v1 each controller
 * has a tree of its own, and the id that bpf_get_current_cgroup_id() gives is the same for all.
 */
static __always_inline struct cgroup *task_cgroup(struct task_struct *task)
{
	struct css_set *set = task->cgroups;

	if (cgroup_subsys < 0)
		return set->dfl_cgrp;
	return set->subsys[cgroup_subsys]->cgroup;
}

/* cgroup_path builds a cgroup's path like walk does a file's. Of a path too long for that, its end
 * is kept: the container's name stands there.
 */
static __always_inline __u8 cgroup_path(struct scratch *s, struct kernfs_node *node)
{
	s->path_off = PATH_SIZE;
	for (int i = 0; i < CGROUP_STEPS; i++) {
		struct kernfs_node *parent;

		if (bpf_core_field_exists(struct kernfs_node, __parent))
			parent = READ(node, __parent);
		else
			parent = READ((struct kernfs_node___old *)node, parent);
		if (!parent)
			return 0;

		long n = bpf_probe_read_kernel_str(s->name, NAME_SIZE, READ(node, name));
		if (n <= 0 || prepend(s, s->name, n - 1, 1))
			break;
		node = parent;
	}
	return PATH_CUT;
}

/* announce_cgroup sends the path of the record's cgroup, if it was not sent yet. It must run before
 * anything but the header is written. The table forgets an id whose path was lost.
 */
static __always_inline void announce_cgroup(struct scratch *s, struct cgroup *cgroup)
{
	struct event_header *h = &s->record.header;
	struct cgroup_event *e = &s->record.cgroup;
	__u64 id = h->cgroup_id;
	__u32 unknown = CGROUP_UNKNOWN;
	__u16 kind = h->kind;
	/* Before Linux 6.4 (d7ba4cc900bf) what maps return is an int, whatever the helper's type
	 * says: on arm64 the other half of the register is not its sign.
	 */
	int err;

	if (id == s->announced)
		return;
	err = bpf_map_update_elem(&cgroups, &id, &unknown, BPF_NOEXIST);
	s->announced = id;
	if (err == -EEXIST)
		return;
	if (err)
		count_drop(DROP_MAP_FULL, EVENT_CGROUP_PATH);

	h->kind = EVENT_CGROUP_PATH;
	__builtin_memset((__u8 *)e + sizeof(*h), 0, sizeof(*e) - sizeof(*h));
	e->id = id;
	e->flags = cgroup_path(s, cgroup->kn);
	e->path_len = append_path(s, sizeof(*e));
	if (send_record(s, sizeof(*e))) {
		bpf_map_delete_elem(&cgroups, &id);
		s->announced = 0;
	}
	h->kind = kind;
	s->text_len = 0;
}

/* doubt_cgroup: somebody came to a cgroup from another. If he came out of a container, the kinds of
 * which only containers' are wanted are wanted of him, until the sensor has said whose he is.
 */
static __always_inline void doubt_cgroup(struct cgroup *cgroup)
{
	__u64 id = cgroup->kn->id;
	__u32 unknown = CGROUP_UNKNOWN;

	/* An id that is not there counts so, and is to be announced. */
	bpf_map_update_elem(&cgroups, &id, &unknown, BPF_EXIST);
}

/* begin_record clears the fixed part of a record, since scratch holds an older one, and says who
 * acted. announce_cgroup may send a record of its own before.
 */
static __always_inline void begin_record(
	struct scratch *s, struct task_struct *task, enum event_kind kind, long ret, __u32 fixed)
{
	struct event_header *h = &s->record.header;
	struct task_struct *leader = task->group_leader;
	struct task_struct *parent = task->real_parent;
	const struct cred *cred = task->cred;
	struct cgroup *cgroup = task_cgroup(task);

	s->text_len = 0;
	h->ktime_ns = bpf_ktime_get_boot_ns();
	h->start_ns = leader->start_boottime;
	h->parent_start_ns = parent->group_leader->start_boottime;
	h->exec_id = leader->self_exec_id;
	h->cgroup_id = cgroup->kn->id;
	/* Inheritable, permitted, effective: three neighbours in struct cred, and in the header. */
	bpf_probe_read_kernel(&h->caps_inheritable, 3 * sizeof(__u64), &cred->cap_inheritable);
	h->ret = ret;
	h->kind = kind;
	h->cpu = bpf_get_smp_processor_id();
	h->tgid = task->tgid;
	h->tid = task->pid;
	h->ppid = parent->tgid;
	h->euid = cred->euid.val;
	h->egid = cred->egid.val;
	h->via = VIA_SYSCALL;
	h->reserved8 = 0;
	h->reserved = 0;
	bpf_probe_read_kernel(&h->comm, sizeof(h->comm), &leader->comm);

	announce_cgroup(s, cgroup);
	__builtin_memset(s->record.bytes + sizeof(*h), 0, fixed - sizeof(*h));
}

#endif
