package falcoconfig

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tiercel.dev/rules"
	"tiercel.dev/rules/falco"
	"tiercel.dev/rules/source"
	"tiercel.dev/sensor/output"
)

// folder makes files, in whose texts DIR is the folder; those named */ are folders.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && !strings.HasSuffix(name, "/") {
			err = os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600)
		} else if err == nil {
			err = os.MkdirAll(path, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// read reads text as falco.yaml beside the files.
func read(t *testing.T, text string, files map[string]string) (*Config, string, error) {
	t.Helper()
	dir := folder(t, files)
	path := filepath.Join(dir, "falco.yaml")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"ON": "true", "URL": "http://sidekick:2801", "LEVEL": "error"}
	cfg, err := Read(path, func(name string) string { return env[name] })
	return cfg, dir, err
}

func TestRead(t *testing.T) {
	notice, errors := falco.Notice, falco.Error
	debug := slog.LevelDebug
	file := func(s output.Spec) []output.Spec { return []output.Spec{s} }
	http := output.HTTP{URL: "http://sidekick:2801", UserAgent: "falcosecurity/falco", MaxTimeouts: 5}
	for _, tt := range []struct {
		name, text string
		want       Config
	}{
		{"nothing", "# only this\n", Config{}},
		{"rules files in order", "rules_files: [DIR/b.yaml, DIR/rules.d, DIR/a.yaml]\n", Config{RulePaths: []string{"DIR/b.yaml", "DIR/rules.d", "DIR/a.yaml"}}},
		{"one rules file, the old form", "rules_file: DIR/a.yaml\n", Config{RulePaths: []string{"DIR/a.yaml"}}},
		{"rules switched", `
rules:
  - disable: {tag: network}
  - enable: {rule: "*shell*"}
`, Config{Falco: rules.FalcoOptions{Select: []falco.Selection{{Tag: "network"}, {Enable: true, Rule: "*shell*"}}}}},
		{"least priority", "priority: NOTICE\n", Config{Falco: rules.FalcoOptions{Least: &notice}}},
		{"all matches", "rule_matching: all\n", Config{Falco: rules.FalcoOptions{AllMatch: true}}},
		{"first match", "rule_matching: first\n", Config{}},
		{"appended output", `
append_output:
  - suggested_output: true
  - match: {source: syscall, tags: [a, b], rule: X}
    extra_output: "on %evt.type"
    extra_fields: [proc.pid, {where: "%proc.name on %evt.type"}]
`, Config{Falco: rules.FalcoOptions{Append: []rules.FalcoAppend{{Suggested: true}, {Source: "syscall", Tags: []string{"a", "b"}, Rule: "X",
			Output: "on %evt.type", Fields: []rules.FalcoField{{Name: "proc.pid"}, {Name: "where", Text: "%proc.name on %evt.type"}}}}}}},
		{"static fields", "static_fields:\n  cluster: ${LEVEL}1\n", Config{Falco: rules.FalcoOptions{Static: []rules.FalcoField{{Name: "static.cluster", Text: "error1"}}}}},
		{"standard output as text", "stdout_output: {enabled: true}\n", Config{Outputs: file(output.Spec{Kind: "stdout", Format: output.FalcoText})}},
		{"json that says all, after the outputs", `
stdout_output: {enabled: true}
json_output: true
json_include_output_property: false
json_include_message_property: true
json_include_output_fields_property: true
json_include_tags_property: false
time_format_iso_8601: yes
`, Config{Outputs: file(output.Spec{Kind: "stdout", Format: output.FalcoJSON | output.FalcoNoOutput | output.FalcoMessage | output.FalcoNoTags | output.FalcoISOTime})}},
		{"a file opened for each", "file_output: {enabled: true, filename: ./events.txt}\n",
			Config{Outputs: file(output.Spec{Kind: "file", Target: "./events.txt", Each: true, Format: output.FalcoText})}},
		{"a file kept open", "file_output: {enabled: true, keep_alive: true, filename: /x}\n", Config{Outputs: file(output.Spec{Kind: "file", Target: "/x", Format: output.FalcoText})}},
		{"a program for each", "program_output: {enabled: true, keep_alive: false, program: \"jq '{text: .output}'\"}\n",
			Config{Outputs: file(output.Spec{Kind: "program", Target: "jq '{text: .output}'", Each: true, Format: output.FalcoText})}},
		{"syslog", "syslog_output: {enabled: true}\n", Config{Outputs: file(output.Spec{Kind: "syslog", Network: "unix", Target: "/dev/log", Format: output.FalcoText})}},
		{"http", `
http_output:
  enabled: ${ON}
  url: ${URL}
  client_cert: /etc/ssl/certs/client.crt
  client_key: /etc/ssl/certs/client.key
  ca_path: ""
`, Config{Outputs: file(output.Spec{Kind: "http", HTTP: http, Format: output.FalcoText})}},
		{"all of http", `
http_output:
  enabled: true
  url: "http://h/$${URL}?$a"
  user_agent: me
  insecure: true
  ca_cert: c
  ca_bundle: b
  ca_path: p
  mtls: true
  client_cert: cc
  client_key: ck
  echo: true
  compress_uploads: true
  keep_alive: true
  max_consecutive_timeouts: 2
`, Config{Outputs: file(output.Spec{Kind: "http", Format: output.FalcoText, HTTP: output.HTTP{URL: "http://h/${URL}?$a", UserAgent: "me", Insecure: true, CACert: "c",
			CABundle: "b", CAPath: "p", ClientCert: "cc", ClientKey: "ck", Echo: true, Compress: true, KeepAlive: true, MaxTimeouts: 2}})}},
		{"off", "http_output: {enabled: false, url: \"\"}\nfile_output: {enabled: no}\n", Config{}},
		{"metrics as alerts", "metrics: {enabled: true, interval: 1d2h, output_rule: true}\nstdout_output: {enabled: true}\n",
			Config{Heartbeat: 26 * time.Hour, Outputs: file(output.Spec{Kind: "stdout", Format: output.FalcoText, Heartbeats: true})}},
		{"metrics of which none are alerts", "metrics: {enabled: true, interval: 15m}\n", Config{}},
		{"a web server", "webserver: {enabled: true, threadiness: 4, k8s_healthz_endpoint: /healthz, ssl_certificate: /x}\n", Config{Metrics: "0.0.0.0:8765"}},
		{"a web server elsewhere", "webserver: {enabled: true, listen_address: '::1', listen_port: 9464, prometheus_metrics_enabled: true}\n", Config{Metrics: "[::1]:9464"}},
		{"queue and timeout", "outputs_queue: {capacity: 100}\noutput_timeout: 2000\n", Config{Queue: output.Config{QueueAlerts: 100, StuckAfter: 2 * time.Second}}},
		{"log level", "log_level: debug\nlog_stderr: true\nlog_syslog: false\n", Config{LogLevel: &debug}},
		{"container sockets, both ways", `
container_engines: {cri: {enabled: true, sockets: [/a]}}
load_plugins: [container]
plugins:
  - name: container
    library_path: libcontainer.so
    init_config: {engines: {cri: {enabled: true, sockets: [/a, /b]}, containerd: {enabled: true, sockets: [/c]}, docker: {enabled: false}}}
  - {name: json, library_path: libjson.so}
`, Config{CRISockets: []string{"/a", "/b", "/c"}}},
		{"no runtime asked", "container_engines: {cri: {enabled: false}}\n", Config{CRISockets: []string{}}},
		{"processes", "falco_libs: {thread_table_size: 1000}\n", Config{MaxProcesses: 1000}},
		{"what is off as it is here", `
engine: {kind: modern_ebpf, kmod: {buf_size_preset: 4}}
webserver: {enabled: false, listen_port: 8765}
capture: {enabled: false}
libs_logger: {enabled: false, severity: info}
buffered_outputs: false
base_syscalls: {custom_set: [], repair: false}
syscall_event_drops: {actions: [log, ignore]}
grpc: {enabled: false}
`, Config{}},
		{"other files", "config_files: [DIR/conf.d, {path: DIR/last.yaml, strategy: override}]\nrules_files: [DIR/a.yaml]\npriority: debug\n",
			Config{RulePaths: []string{"DIR/b.yaml"}, Falco: rules.FalcoOptions{Least: &errors, AllMatch: true}}},
		{"other files that append", "config_files: [DIR/conf.d]\nrules_files: [DIR/a.yaml]\npriority: debug\n",
			Config{RulePaths: []string{"DIR/a.yaml", "DIR/rules.d"}, Falco: rules.FalcoOptions{Least: &notice, AllMatch: true}}},
		{"other files that only add", "config_files: [{path: DIR/conf.d, strategy: add-only}]\nrules_files: [DIR/a.yaml]\npriority: error\n",
			Config{RulePaths: []string{"DIR/a.yaml"}, Falco: rules.FalcoOptions{Least: &errors, AllMatch: true}}},
	} {
		got, dir, err := read(t, tt.text, map[string]string{"a.yaml": "[]", "b.yaml": "[]", "rules.d/x.yml": "[]", "c": "",
			"conf.d/1.yaml": "rule_matching: all\npriority: notice\n", "conf.d/2.yaml": "rules_files: [DIR/rules.d]\n", "conf.d/2.yaml.orig": "x: 1",
			"last.yaml": "rules_files: [DIR/b.yaml]\npriority: ${LEVEL}\n"})
		if tt.name == "all of http" { // its certificates are not there
			if err == nil || !strings.Contains(err.Error(), "http_output cannot be used: ca_cert: open c: no such file") {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for i, path := range got.RulePaths {
			got.RulePaths[i] = strings.ReplaceAll(path, dir, "DIR")
		}
		tt.want.Follow = true
		ignore := cmpopts.IgnoreFields(falco.Selection{}, "Position")
		if d := cmp.Diff(&tt.want, got, ignore, cmpopts.IgnoreFields(Config{}, "Files")); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestFollow(t *testing.T) {
	if got, _, err := read(t, "watch_config_files: false\n", nil); err != nil || got.Follow {
		t.Errorf("%v, %v", got, err)
	}
}

func TestReadsFiles(t *testing.T) {
	got, dir, err := read(t, "config_files: [DIR/conf.d, DIR/none.yaml]\n", map[string]string{"conf.d/1.yaml": "", "conf.d/2.yml": "config_files: [x]\n"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"falco.yaml", "conf.d", "conf.d/1.yaml", "conf.d/2.yml"}
	for i := range want {
		want[i] = filepath.Join(dir, want[i])
	}
	if !slices.Equal(got.Files, want) {
		t.Errorf("files %q", got.Files)
	}
	if len(got.Warnings) != 2 || !strings.Contains(got.Warnings[0].Error(), "counts in the main file alone") && !strings.Contains(got.Warnings[1].Error(), "counts in the main file alone") {
		t.Errorf("warnings %v", got.Warnings)
	}
}

// Every key that does nothing here is named with its place.
func TestWarnings(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"webserver: {enabled: true, k8s_healthz_endpoint: /alive}\n", "1:28: webserver.k8s_healthz_endpoint is not honoured: the path is /healthz"},
		{"\nwebserver:\n  enabled: true\n  ssl_enabled: true\n", "2:1: webserver is not honoured with ssl_enabled"},
		{"webserver: {enabled: true, prometheus_metrics_enabled: false}\n", "serves /metrics all the same"},
		{"webserver: {colour: blue}\n", "webserver.colour is not honoured"},
		{"grpc: {enabled: true}\n", "grpc is not honoured"},
		{"buffered_outputs: true\n", "buffered_outputs is not honoured"},
		{"log_stderr: false\n", "log_stderr false is not honoured"},
		{"log_syslog: true\n", "log_syslog is not honoured"},
		{"colour: blue\n", "1:1: colour is no key of Falco's"},
		{"stdout_output:\n  enabled: true\n  colour: blue\n", "3:3: stdout_output.colour is no key of Falco's"},
		{"http_output: {colour: blue}\n", "http_output.colour is no key of Falco's"},
		{"metrics: {libbpf_stats_enabled: true}\n", "metrics.libbpf_stats_enabled is not honoured"},
		{"metrics: {output_file: /x}\n", "metrics.output_file is not honoured: a further --output 'file:PATH"},
		{"engine: {kind: kmod}\n", "engine.kind is not honoured: there is one engine"},
		{"engine: {kind: replay}\n", "engine.kind is not honoured: tiercel replay"},
		{"engine: {kind: modern_ebpf, modern_ebpf: {buf_size_preset: 4}}\n", "engine.modern_ebpf.buf_size_preset is not honoured: --ring"},
		{"falco_libs: {snaplen: 80}\n", "falco_libs.snaplen is not honoured"},
		{"load_plugins: [container, k8saudit]\n", "load_plugins k8saudit is not honoured"},
		{"container_engines: {docker: {enabled: true}}\n", "container_engines.docker is not honoured"},
		{"syscall_event_drops: {threshold: 0.1}\n", "syscall_event_drops.threshold is not honoured: every loss is counted"},
		{"syscall_event_drops: {actions: [exit]}\n", "syscall_event_drops.actions exit is not honoured"},
		{"syscall_event_timeouts: {max_consecutives: 1000}\n", "syscall_event_timeouts.max_consecutives is not honoured"},
		{"base_syscalls: {custom_set: [read]}\n", "base_syscalls.custom_set is not honoured"},
		{"outputs_queue: {capacity: 0}\n", "outputs_queue.capacity 0 is no bound in Falco"},
		{"syscall_drop_failed_exit: true\n", "syscall_drop_failed_exit is not honoured: whether failed calls are seen"},
		{"metadata_download: {max_mb: 100}\n", "metadata_download is not honoured: names of pods come from the container runtime"},
		{"outputs: {rate: 1}\n", "outputs is not honoured: rules have throttles"},
		{"rules_files: [/does/not/exist.yaml]\n", "rules_files /does/not/exist.yaml is not there"},
		{"rules_files: [DIR/empty]\n", "empty has no rule files"},
		{"plugins: [{name: container, init_config: {label_max_len: 100}}]\n", "plugins.init_config.label_max_len is not honoured"},
	} {
		got, _, err := read(t, tt.text, map[string]string{"empty/": ""})
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if len(got.Warnings) != 1 || !strings.Contains(got.Warnings[0].Error(), "falco.yaml:") || !strings.Contains(got.Warnings[0].Error(), tt.want) {
			t.Errorf("%s: warnings %v, want %s", tt.text, got.Warnings, tt.want)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a: [\n", "not YAML: "},
		{"- a\n", "1:1: a configuration has keys, and this is a list"},
		{"a: &x 1\nb: *x\n", "2:4: aliases"},
		{"apiVersion: v1\nkind: ConfigMap\ndata: {}\n", `1:1: a configuration is a file like falco.yaml, and this is an object of Kubernetes ("ConfigMap")`},
		{"falco: {json_output: true}\n", "and this is values of Helm's falco chart"},
		{"priority: debug\npriority: info\n", "2:1: priority is given twice, first in line 1"},
		{"priority: urgent\n", `1:11: priority has no priority "urgent"`},
		{"priority: [a]\n", "priority is a text, and not a list"},
		{"json_output: maybe\n", `1:14: json_output is true or false, not "maybe"`},
		{"rule_matching: some\n", `rule_matching is first or all, not "some"`},
		{"stdout_output: true\n", "1:16: stdout_output has keys, and this is a text"},
		{"stdout_output:\n  enabled: 3\n", `2:12: stdout_output.enabled is true or false, not "3"`},
		{"outputs_queue: {capacity: -1}\n", `outputs_queue.capacity is a number from 0 on, not "-1"`},
		{"rules_files: {a: b}\n", "rules_files is a list, and not a mapping"},
		{"rules: [{remove: {tag: x}}]\n", "rules.remove is no key of rules"},
		{"rules: [{enable: {name: x}}]\n", "rules.enable.name is neither rule nor tag"},
		{"rules: [{enable: {tag: ''}}]\n", "rules.enable.tag is empty"},
		{"append_output: [{extra_output: '%proc.nonsense'}]\n", "append_output.extra_output "},
		{"append_output: [{extra_fields: [proc.nonsense]}]\n", "append_output.extra_fields "},
		{"append_output: [{extra: x}]\n", "append_output.extra is no key of append_output"},
		{"append_output: [{match: {name: x}}]\n", "append_output.match.name is no key of match"},
		{"file_output: {enabled: true}\n", "file_output cannot be used: file needs a path"},
		{"http_output: {enabled: true, url: 'ftp://h'}\n", `http_output cannot be used: url: scheme "ftp"`},
		{"webserver: {listen_port: 70000}\n", "webserver.listen_port is a port from 0 to 65535, not 70000"},
		{"metrics: {interval: often}\n", `metrics.interval is a time such as 1h or 15m, not "often"`},
		{"log_level: loud\n", `log_level is none of emergency`},
		{"config_files: [{strategy: append}]\n", "config_files needs a path"},
		{"config_files: [{path: DIR/x, strategy: mix}]\n", `config_files.strategy is append, override or add-only, not "mix"`},
		{"config_files: [DIR/bad.yaml]\n", "bad.yaml:1:1: a configuration has keys"},
	} {
		_, dir, err := read(t, tt.text, map[string]string{"bad.yaml": "[]"})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
		if len(source.Places(err)) == 0 {
			t.Errorf("%s: the error has no place", tt.text)
		}
	}
	if _, err := Read("/does/not/exist.yaml", os.Getenv); err == nil || !strings.Contains(err.Error(), "/does/not/exist.yaml: open") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// An error about a line with a URL in it does not show what may be a password.
func TestErrorsKeepSecrets(t *testing.T) {
	for _, text := range []string{"http_output:\n  enabled: true\n  url: ftp://u:S3cr3t@h/\n", "http_output:\n  url: [https://u:S3cr3t@h/]\n",
		"http_output: {enabled: perhaps, url: 'https://u:S3cr3t@h/'}\n"} {
		if _, _, err := read(t, text, nil); err == nil || strings.Contains(err.Error(), "S3cr3t") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("http_output: {enabled: true, url: '${URL}'}\nrules: [{enable: {rule: '*'}}]\n")
	f.Add("append_output:\n- extra_fields: [a, {b: '%proc.name'}]\nmetrics: {interval: 1h}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "falco.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Read(path, func(string) string { return "" })
		if (cfg == nil) == (err == nil) {
			t.Errorf("%v, %v", cfg, err)
		}
		for _, e := range source.Places(err) {
			if e.File == "" {
				t.Errorf("%v has no file", e)
			}
		}
	})
}
