package output

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		setting string
		want    Spec
	}{
		{"stdout", Spec{Kind: "stdout"}},
		{"stderr?format=json&heartbeats=true", Spec{Kind: "stderr", Format: JSON, Heartbeats: true}},
		{"file:/var/log/x.json?format=json", Spec{Kind: "file", Target: "/var/log/x.json", Format: JSON}},
		{"file:a:b", Spec{Kind: "file", Target: "a:b"}},
		{"syslog:unix:///dev/log", Spec{Kind: "syslog", Target: "/dev/log", Network: "unix"}},
		{"file:/x?each=true", Spec{Kind: "file", Target: "/x", Each: true}},
		{"syslog:udp://host:514?format=falco-json", Spec{Kind: "syslog", Target: "host:514", Network: "udp", Format: FalcoJSON}},
		{"syslog:udp://host:514", Spec{Kind: "syslog", Target: "host:514", Network: "udp"}},
		{"syslog:tcp://[::1]:601", Spec{Kind: "syslog", Target: "[::1]:601", Network: "tcp"}},
		{"program:cat > /x?y=1", Spec{Kind: "program", Target: "cat > /x?y=1"}},
		{"program?format=json&each=true:mail -s a:b", Spec{Kind: "program", Target: "mail -s a:b", Format: JSON, Each: true}},
		{"http?url=http://h:2801/x?url=y&a=b", Spec{Kind: "http", Format: JSON, HTTP: HTTP{URL: "http://h:2801/x?url=y&a=b"}}},
		{"http?user_agent=a%26b&insecure=true&echo=true&max_consecutive_timeouts=5&format=falco-text&url=https://h", Spec{Kind: "http", Format: FalcoText,
			HTTP: HTTP{URL: "https://h", UserAgent: "a&b", Insecure: true, Echo: true, MaxTimeouts: 5}}},
		{"cloudlogging", Spec{Kind: "cloudlogging", Format: CloudLogging, Heartbeats: true}},
		{"pubsub:projects/p/topics/top?encoding=binary&spool=/var/lib/t&max=64M", Spec{Kind: "pubsub",
			Target: "projects/p/topics/top", Heartbeats: true, Encoding: alert.EncodingBinary, SpoolDir: "/var/lib/t", SpoolBytes: 64 << 20}},
		{"pubsub:projects/p/topics/top?heartbeats=false", Spec{Kind: "pubsub", Target: "projects/p/topics/top"}},
	} {
		got, err := Parse(tt.setting)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.setting, diff)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ setting, want string }{
		{"", `output "": kind "": not one of stdout`},
		{"kafka:x", `kind "kafka": not one of`},
		{"stdout:x", "stdout takes nothing after a colon"},
		{"file", "file needs a path, as in file:…"},
		{"file:", "file needs a path"},
		{"file?format=json:/x", `options "format=json": belong behind the target`},
		{"file:/x?format=xml", `option format: format "xml": not text, json, falco-text or falco-json`},
		{"stdout?each=true", `option "each": stdout takes format, heartbeats`},
		{"file:/x?format=json&format=text", `option "format": given twice`},
		{"http", "http needs an address, as in http?url=http://falcosidekick:2801"},
		{"http://h:1/", "http needs an address"},
		{"http?url=", "http needs an address"},
		{"http?url=h:1", "url: not a URL"},
		{"http?url=ftp://h", `url: scheme "ftp": not http or https`},
		{"http?each=true&url=http://h", `option "each": http takes format, heartbeats, user_agent`},
		{"http?insecure=yes&url=http://h", `option insecure: "yes": not true or false`},
		{"http?max_consecutive_timeouts=-1&url=http://h", "max_consecutive_timeouts -1: negative"},
		{"http?client_key=/k&url=http://h", "client_cert and client_key belong together"},
		{"http?ca_bundle=/does/not/exist&url=https://h", "ca_bundle: open /does/not/exist: no such file"},
		{"syslog:unix:///x?each=true", `option "each": syslog takes format`},
		{"stdout?heartbeats=1", `option heartbeats: "1": not true or false`},
		{"syslog:/dev/log", `address "/dev/log": not unix, udp or tcp`},
		{"syslog:unix://dev/log", "unix:///PATH"},
		{"syslog:udp://host", "not udp://HOST:PORT"},
		{"pubsub:alerts", `Topic "alerts": not projects/PROJECT/topics/TOPIC`},
		{"pubsub:projects/p/topics/top?max=lots", `option max: "lots"`},
		{"pubsub:projects/p/topics/top?max=1K", "MaxBytes 1024"},
		{"pubsub:projects/p/topics/top?encoding=avro", `option encoding: "avro"`},
		{"pubsub:projects/p/topics/top?spool=", "option spool: empty"},
	} {
		_, err := Parse(tt.setting)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.setting, err, tt.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("file:/var/log/x.json?format=json")
	f.Add("program?each=true:x")
	f.Add("syslog:tcp://[::1]:601")
	f.Add("http?echo=true&url=https://h:1/?x=y")
	f.Add("pubsub:projects/p/topics/top?max=9999999999G")
	f.Fuzz(func(t *testing.T, setting string) {
		if s, err := Parse(setting); err == nil && s.Name() == "" {
			t.Errorf("%q has no name", setting)
		}
	})
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Stdout: w, Stderr: w}
	env.PubSub.Spool.Dir = filepath.Join(dir, "spool")
	var specs []Spec
	for _, s := range []string{"cloudlogging", "file:" + dir + "/alerts", "pubsub:projects/p/topics/top", "program:cat >/dev/null"} {
		spec, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, spec)
	}
	t.Setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1") // nothing answers there
	log := slog.New(slog.DiscardHandler)
	f, err := Open(fastConfig(), specs, env, log)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(fastConfig(), specs, env, log); !errors.Is(err, spool.ErrLocked) {
		t.Errorf("second sensor on the same spool: %v", err)
	}
	if _, err := Open(fastConfig(), append(specs[2:3:3], specs[2]), Env{}, log); err == nil {
		t.Error("two pubsub outputs")
	}
	for range 5 {
		f.Publish(testAlert(alert.High, "x"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		t.Error(err)
	}
	w.Close()
	out, _ := io.ReadAll(r)
	if n := strings.Count(string(out), `"logging.googleapis.com/insertId"`); n != 5 {
		t.Errorf("%d entries on standard output", n)
	}
	var names []string
	for _, s := range f.Stats() {
		names = append(names, s.Name)
		if s.Lost() != 0 {
			t.Errorf("%s: %+v", s.Name, s)
		}
	}
	want := []string{"cloudlogging", "file:" + dir + "/alerts", "program", "pubsub:projects/p/topics/top"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := f.Stats()[3]; s.Waiting != 5 {
		t.Errorf("spooled: %+v", s)
	}
}

func TestCloudLogging(t *testing.T) {
	a := testAlert(alert.Critical, "text")
	a.AlertId = strings.Repeat("ab", 16)
	a.Pod, a.Cluster = &alert.Pod{Namespace: "web"}, &alert.Cluster{Project: "p"}
	b, err := CloudLogging.line(a, false)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := alert.JSON(a)
	want := `{"severity":"CRITICAL","message":"` + alert.Text(a) + `","time":"2026-01-02T03:04:05.000000006Z",` +
		`"logging.googleapis.com/insertId":"abababababababababababababababab",` +
		`"logging.googleapis.com/trace":"projects/p/traces/abababababababababababababababab","logging.googleapis.com/labels":{"tiercel/kind":"alert",` +
		`"tiercel/namespace":"web","tiercel/node":"node","tiercel/rule":"rule","tiercel/schema":"3","tiercel/severity":"CRITICAL"},` +
		`"alert":` + string(body) + "}\n"
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for severity, word := range map[alert.Severity]string{alert.Low: "NOTICE", alert.Medium: "WARNING", alert.High: "ERROR", 99: "DEFAULT"} {
		if got := cloudSeverity(testAlert(severity, "")); got != word {
			t.Errorf("%v: %s, want %s", severity, got, word)
		}
	}
	if got := cloudSeverity(&alert.Alert{Kind: alert.KindHeartbeat}); got != "INFO" {
		t.Errorf("heartbeat: %s", got)
	}
	a.Process = &alert.Process{Args: []string{strings.Repeat("x", 250<<10)}}
	b, err = CloudLogging.line(a, false)
	if err != nil || len(b) > maxCloudLine || !strings.Contains(string(b), `"truncated":["alert"]`) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "4096": 4096, "512K": 512 << 10, "512KiB": 512 << 10, "64M": 64 << 20, "64MiB": 64 << 20, "2G": 2 << 30, "2GiB": 2 << 30,
		"2147483647GiB": 2147483647 << 30,
	} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "0K", "-1", "+1", "K", "KiB", "iB", "1iB", "1B", "1KB", "1Ki", "1kib", "1 MiB", "1MiBiB", "1KM", "1T", "2147483648", "1e3", "0x10"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}
