// Package falcoconfig reads Falco's configuration, falco.yaml, and says it in the sensor's settings, so that a team moves
// over without writing it anew. What has no counterpart is told in a warning, each key with its place; what is of the
// wrong type is an error. sensor/command is its caller.
//
// https://falco.org/docs/reference/daemon/config-options/ has the keys.
package falcoconfig

import (
	"log/slog"
	"time"

	"tiercel.dev/rules"
	"tiercel.dev/rules/source"
	"tiercel.dev/sensor/output"
)

// A Config is what the files ask for. What they do not speak of is zero.
type Config struct {
	Files []string // the files and folders of configuration, in the order in which they were read

	RulePaths []string
	Falco     rules.FalcoOptions
	// Follow says whether changed files are read again: watch_config_files. Default true.
	Follow bool

	Outputs []output.Spec
	Queue   output.Config
	// Heartbeat is the interval of metrics, where they are to be outputs' business; else 0.
	Heartbeat time.Duration
	Metrics   string // the address at which probes and metrics are served: webserver. "" for none

	LogLevel     *slog.Level
	CRISockets   []string // nil if the files do not say
	MaxProcesses int      // 0 if the files do not say

	Warnings source.Errors // keys that are not honoured
}

// Read reads the file, and those that it includes. getenv gives the value of ${NAME} in values. The error is source.Errors
// with all that is wrong.
func Read(path string, getenv func(string) string) (*Config, error) {
	r := &reader{getenv: getenv, cfg: &Config{Follow: true}, format: output.FalcoText}
	keys := r.files(path)
	if len(r.errors) == 0 {
		r.settings(keys)
	}
	if err := r.errors.Err(); err != nil {
		return nil, err
	}
	return r.cfg, nil
}

// A reader gathers what the files ask for.
type reader struct {
	cfg    *Config
	getenv func(string) string
	errors source.Errors

	format  output.Format // of the outputs
	outputs []output.Spec
}

// settings reads each top-level key. Those that say how outputs write come before the outputs.
func (r *reader) settings(keys []value) {
	readers := r.readers()
	for _, v := range keys {
		if read := shapes[v.key]; read != nil {
			read(r, v)
		}
	}
	for _, v := range keys {
		switch read := readers[v.key]; {
		case shapes[v.key] != nil:
		case read != nil:
			read(v)
		case absent[v.key] != "":
			r.unless(v, absent[v.key])
		default:
			r.warn(v, "is no key of Falco's")
		}
	}
	for _, o := range r.outputs {
		o.Format, o.Heartbeats = r.format, r.cfg.Heartbeat > 0
		r.cfg.Outputs = append(r.cfg.Outputs, o)
	}
}

func (r *reader) readers() map[string]func(value) {
	c := r.cfg
	return map[string]func(value){
		"config_files":           func(value) {}, // done
		"watch_config_files":     func(v value) { r.bool(v, &c.Follow) },
		"rules_files":            r.rulesFiles,
		"rules_file":             r.rulesFiles,
		"rules":                  r.selections,
		"priority":               r.priority,
		"rule_matching":          r.matching,
		"append_output":          r.appendOutput,
		"static_fields":          r.staticFields,
		"stdout_output":          r.stdoutOutput,
		"syslog_output":          r.syslogOutput,
		"file_output":            r.fileOutput,
		"program_output":         r.programOutput,
		"http_output":            r.httpOutput,
		"outputs_queue":          r.queue,
		"output_timeout":         r.outputTimeout,
		"metrics":                r.metrics,
		"webserver":              r.webserver,
		"log_level":              r.logLevel,
		"log_stderr":             r.logStderr,
		"falco_libs":             r.libs,
		"engine":                 r.engine,
		"plugins":                r.plugins,
		"load_plugins":           r.loadPlugins,
		"container_engines":      r.containerEngines,
		"syscall_event_drops":    r.eventDrops,
		"base_syscalls":          r.baseSyscalls,
		"syscall_event_timeouts": r.eventTimeouts,
	}
}
