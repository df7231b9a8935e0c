package falcoconfig

import (
	"log/slog"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// absent are the keys of Falco's that have no counterpart, with the reason.
var absent = map[string]string{
	"buffered_outputs":         "is not honoured: each alert is written at once",
	"buffer_format_base64":     "is not honoured: bytes are shown as escaped text",
	"log_syslog":               "is not honoured: the sensor's own messages go to standard error",
	"libs_logger":              "is not honoured: there are no libraries with a log of their own",
	"capture":                  "is not honoured: tiercel record makes captures",
	"plugins_hostinfo":         "is not honoured: there are no plugins",
	"grpc":                     "is not honoured: there is no gRPC server, as in Falco from 0.44 on",
	"grpc_output":              "is not honoured: there is no gRPC output, as in Falco from 0.44 on",
	"outputs":                  "is not honoured: rules have throttles of their own (docs/rules.md)",
	"syscall_buf_size_preset":  "is not honoured: --ring sets the size of the one ring buffer",
	"modern_bpf":               "is not honoured: there is one ring buffer for all processors",
	"syscall_drop_failed_exit": "is not honoured: whether failed calls are seen is for rules to say, by evt.res",
	"metadata_download":        "is not honoured: names of pods come from the container runtime, and the API server is not asked",
	"rule_files":               "is no key that Falco reads; it is rules_files",
}

// unless warns of a key without a counterpart, but where it is switched off or empty: that much is honoured.
func (r *reader) unless(v value, why string) {
	off := func(n *yaml.Node) bool {
		return n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || slices.Contains([]string{"", "false", "no", "off"}, strings.ToLower(r.expand(n.Value)))) ||
			n.Kind == yaml.SequenceNode && len(n.Content) == 0
	}
	if off(v.node) {
		return
	}
	if v.node.Kind == yaml.MappingNode {
		if f := r.field(v, "enabled"); f != nil && off(f.node) {
			return
		}
	}
	r.warn(v, "%s", why)
}

// each calls read for each key of a mapping; those for which it returns a reason are not honoured.
func (r *reader) each(v value, read func(f value) (why string)) {
	for _, f := range r.fields(v) {
		if why := read(f); why != "" {
			r.unless(f, why)
		}
	}
}

const noCounterpart = "is not honoured: the sensor has nothing of the kind"

// metrics are heartbeats to the outputs, if they are to come as alerts.
func (r *reader) metrics(v value) {
	enabled, rule, every := false, false, time.Hour
	r.each(v, func(f value) string {
		switch f.name() {
		case "enabled":
			r.bool(f, &enabled)
		case "output_rule":
			r.bool(f, &rule)
		case "interval":
			every = r.interval(f, every)
		case "output_file":
			return "is not honoured: a further --output 'file:PATH?format=json&heartbeats=true' has them in a file"
		case "rules_counters_enabled", "state_counters_enabled", "kernel_event_counters_enabled", "include_empty_values", "convert_memory_to_mb":
			// Heartbeats have these whether somebody asks or not; memory is not among them.
		default:
			return noCounterpart
		}
		return ""
	})
	if enabled && rule {
		r.cfg.Heartbeat = max(every, time.Second)
	}
}

// interval reads a time such as 1h30m or 1d.
func (r *reader) interval(v value, def time.Duration) time.Duration {
	text, ok := r.text(v)
	if !ok || text == "" {
		return def
	}
	total, rest := time.Duration(0), text
	for rest != "" {
		n := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		unit := rest[n : len(rest)-len(strings.TrimLeft(rest[n:], "abcdefghijklmnopqrstuvwxyz"))]
		hours := map[string]string{"d": "24h", "w": "168h", "y": "8760h"}[unit]
		if hours == "" {
			hours = "1" + unit
		}
		one, err := time.ParseDuration(hours)
		count, countErr := time.ParseDuration(rest[:n] + "ns")
		if err != nil || countErr != nil {
			r.fail(v, "is a time such as 1h or 15m, not %s", source.Quote(text))
			return def
		}
		total += one * count
		rest = rest[n+len(unit):]
	}
	return total
}

var levels = map[string]slog.Level{"emergency": slog.LevelError, "alert": slog.LevelError, "critical": slog.LevelError, "error": slog.LevelError,
	"warning": slog.LevelWarn, "notice": slog.LevelInfo, "info": slog.LevelInfo, "informational": slog.LevelInfo, "debug": slog.LevelDebug}

func (r *reader) logLevel(v value) {
	text, ok := r.text(v)
	if !ok || text == "" {
		return
	}
	level, ok := levels[strings.ToLower(text)]
	if !ok {
		r.fail(v, "is none of emergency, alert, critical, error, warning, notice, info, debug: %s", source.Quote(text))
		return
	}
	r.cfg.LogLevel = &level
}

func (r *reader) logStderr(v value) {
	stderr := true
	if r.bool(v, &stderr); !stderr {
		r.warn(v, "false is not honoured: the sensor's own messages go to standard error")
	}
}

func (r *reader) libs(v value) {
	r.each(v, func(f value) string {
		if f.name() == "thread_table_size" {
			r.integer(f, &r.cfg.MaxProcesses)
			return ""
		}
		return noCounterpart
	})
}

func (r *reader) engine(v value) {
	kind := ""
	if f := r.field(v, "kind"); f != nil {
		r.str(*f, &kind)
	}
	r.each(v, func(f value) string {
		switch {
		case f.name() == "kind" && kind == "modern_ebpf":
			return ""
		case f.name() == "kind" && kind == "replay":
			return "is not honoured: tiercel replay runs captures"
		case f.name() == "kind":
			return "is not honoured: there is one engine, like modern_ebpf"
		case f.name() != kind:
			return "" // of an engine that is not asked for
		}
		r.each(f, func(f value) string {
			if f.name() == "buf_size_preset" {
				return "is not honoured: --ring sets the size of the one ring buffer"
			}
			return noCounterpart
		})
		return ""
	})
}

func (r *reader) eventDrops(v value) {
	r.each(v, func(f value) string {
		if f.name() != "actions" {
			return "is not honoured: every loss is counted, and told in the log each minute and in heartbeats"
		}
		for _, item := range r.items(f) {
			if text, ok := r.text(item); ok && text != "log" && text != "ignore" {
				r.warn(item, "%s is not honoured: losses are told in the log and in heartbeats", text)
			}
		}
		return ""
	})
}

func (r *reader) baseSyscalls(v value) {
	r.each(v, func(value) string { return "is not honoured: the kernel reports what the rules need" })
}

func (r *reader) eventTimeouts(v value) {
	r.each(v, func(value) string { return noCounterpart })
}
