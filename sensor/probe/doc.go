// Package probe is the kernel side's Go half: it loads the programs of bpf/, attaches them, reads the ring buffer and
// decodes its records into events. It knows neither rules nor containers; it is told which kinds to report, and which
// cgroups are containers'. The sensor's pipeline calls it; a [Decoder] alone also reads captures, on any machine.
//
// It is the only package that imports cilium/ebpf. The generated bpf_*.go and .o files come from scripts/generate.
package probe

//go:generate go run github.com/cilium/ebpf/cmd/bpf2go -cc clang-19 -strip llvm-strip-19 -target amd64,arm64 -type event_kind -type drop_reason -type via -type path_flag -type exec_flag -type event_header -type path_arg -type file_facts -type socket_facts -type fd_facts -type fork_event -type exec_event -type exit_event -type cgroup_event -type open_event -type fd_event -type path_event -type tree_event -type number_event -type operation_end -type socket_event -type passed_fd -type message_event bpf ../../bpf/sensor.bpf.c -- -O2 -Wall -Wextra -Wno-unused-parameter -Werror -mcpu=v3
