package output

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"tiercel.dev/alert"
)

// daemon is a syslog daemon for one socket; its messages come out of a channel.
type daemon struct {
	messages chan string
	close    func()
}

func listenPacket(t *testing.T, network, address string) (*daemon, net.Addr) {
	t.Helper()
	c, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{messages: make(chan string, 100), close: func() { c.Close() }}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, _, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			d.messages <- string(buf[:n])
		}
	}()
	t.Cleanup(d.close)
	return d, c.LocalAddr()
}

// listenStream reads messages framed by their length, and after quit of them on a connection closes it.
func listenStream(t *testing.T, network, address string, quit int) (*daemon, net.Addr) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{messages: make(chan string, 100), close: func() { l.Close() }}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go d.serve(c, quit)
		}
	}()
	t.Cleanup(d.close)
	return d, l.Addr()
}

func (d *daemon) serve(c net.Conn, quit int) {
	defer c.Close()
	r := bufio.NewReader(c)
	for n := 0; quit == 0 || n < quit; n++ {
		size, err := r.ReadString(' ')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			d.messages <- "bad length " + size
			return
		}
		msg := make([]byte, length)
		if _, err := io.ReadFull(r, msg); err != nil {
			return
		}
		d.messages <- string(msg)
	}
}

// rfc5424 is the grammar of section 6, as far as it goes by a regular expression.
var rfc5424 = regexp.MustCompile(`^<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) ` +
	`\[tiercel@32473((?: [!-~]+="(?:[^"\\\]]|\\["\\\]])*")*)\] ` + "\xef\xbb\xbf(.*)$")

func TestSyslogTransports(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, network string
		listen        func() (*daemon, net.Addr)
	}{
		{"unix datagram", "unix", func() (*daemon, net.Addr) { return listenPacket(t, "unixgram", filepath.Join(dir, "d")) }},
		{"unix stream", "unix", func() (*daemon, net.Addr) { return listenStream(t, "unix", filepath.Join(dir, "s"), 0) }},
		{"udp", "udp", func() (*daemon, net.Addr) { return listenPacket(t, "udp", "127.0.0.1:0") }},
		{"tcp", "tcp", func() (*daemon, net.Addr) { return listenStream(t, "tcp", "127.0.0.1:0", 0) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, addr := tt.listen()
			o := NewSyslog(tt.network, addr.String(), Text)
			defer o.Close(t.Context())
			for i := range 3 {
				write(t, o, fmt.Sprintf("alert %d", i))
			}
			for i := range 3 {
				m := rfc5424.FindStringSubmatch(<-d.messages)
				if m == nil || !strings.Contains(m[8], fmt.Sprintf("alert %d", i)) {
					t.Errorf("message %d: %q", i, m)
				}
			}
		})
	}
}

func TestSyslogMessage(t *testing.T) {
	a := testAlert(alert.Critical, "text")
	a.Rule.Name = "a rule"
	a.AlertId, a.Seq = "id", 7
	a.Pod = &alert.Pod{Namespace: `q"b\s]`, Name: "esc\x1b[0m\n"}
	h := syslogHeader{host: "höst", app: "tiercel", procID: "1"}
	got := string(message(t, h, nil, a, 8192))
	want := `<106>1 2026-01-02T03:04:05.000000Z h_st tiercel 1 a_rule [tiercel@32473 alert_id="id" seq="7" rule="a rule"` +
		` severity="CRITICAL" namespace="q\"b\\s\]" pod="esc\\x1b[0m\\n" node="node"] ` + "\xef\xbb\xbf" + alert.Text(a)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if rfc5424.FindString(got) == "" {
		t.Error("not RFC 5424")
	}
	for severity, pri := range map[alert.Severity]string{0: "<110>", alert.Low: "<109>", alert.Medium: "<108>", alert.High: "<107>"} {
		if got := string(message(t, h, nil, testAlert(severity, ""), 8192)); !strings.HasPrefix(got, pri) {
			t.Errorf("severity %v: %s", severity, got)
		}
	}
	if got := string(message(t, h, nil, &alert.Alert{}, 8192)); !strings.HasPrefix(got, "<110>1 - h_st tiercel 1 - [tiercel@32473] ") {
		t.Errorf("empty alert: %s", got)
	}
}

// extreme has every parameter at its longest, each as value repeated; the header too.
func extreme(value string) (syslogHeader, *alert.Alert) {
	long := strings.Repeat(value, 5000)
	a := testAlert(alert.Critical, strings.Repeat("ä", 5000))
	a.AlertId, a.Identity, a.BootId, a.Seq = strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 36), math.MaxUint64
	a.Rule.Name = long
	a.Pod = &alert.Pod{Namespace: long, Name: long}
	a.Container = &alert.Container{Name: long, ImageRepository: long}
	a.Node = &alert.Node{Name: long}
	return syslogHeader{host: long, app: long, procID: long}, a
}

// No limit in use cuts anything but whole parameters and the text, never within a character, and the grammar still holds.
func TestSyslogLimits(t *testing.T) {
	for _, value := range []string{"x", "ö", `"`, `\`, "]", "\x1b", "\xff", `x" ]`, "\U0001f600"} {
		h, a := extreme(value)
		for _, base := range []int{syslogUDPLimit, syslogLimit} {
			for limit := base; limit < base+40; limit++ {
				b := message(t, h, nil, a, limit)
				if len(b) > limit || len(b) < limit-3 || !utf8.Valid(b) {
					t.Errorf("%q, limit %d: %d bytes, valid %v", value, limit, len(b), utf8.Valid(b))
				}
				m := rfc5424.FindSubmatch(b)
				if m == nil {
					t.Fatalf("%q, limit %d: not RFC 5424: %q", value, limit, b)
				}
				if len(m[8]) < minText-3 {
					t.Errorf("%q, limit %d: %d bytes of the text", value, limit, len(m[8]))
				}
				for _, param := range []string{"alert_id", "identity", "boot_id", "seq", "severity"} {
					if !strings.Contains(string(m[7]), " "+param+`="`) {
						t.Errorf("%q, limit %d: no %s, which has room", value, limit, param)
					}
				}
			}
		}
	}
}

// What goes as one datagram has whole parameters, each with its own value.
func TestSyslogDropsWholeParameters(t *testing.T) {
	h := syslogHeader{host: "h", app: "a", procID: "1"}
	a := testAlert(alert.High, strings.Repeat("t", 5000))
	a.Pod = &alert.Pod{Namespace: "ns", Name: strings.Repeat("p", 1024)}
	a.Container = &alert.Container{Name: "c", ImageRepository: strings.Repeat("i", 1024)}
	m := rfc5424.FindSubmatch(message(t, h, nil, a, syslogUDPLimit))
	if m == nil {
		t.Fatal("not RFC 5424")
	}
	want := ` rule="` + a.Rule.Name + `" severity="HIGH" namespace="ns" pod="` + a.Pod.Name + `" container="c" node="node"`
	if got := string(m[7]); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// With little text there is room for more.
	a.Output, a.Pod.Name, a.Container.Name = "t", "p", strings.Repeat("c", 600)
	if got := string(message(t, h, nil, a, syslogUDPLimit)); !strings.Contains(got, a.Container.ImageRepository) || !strings.HasSuffix(got, alert.Text(a)) {
		t.Errorf("something was left out: %s", got)
	}
}

func TestSyslogDatagramLimit(t *testing.T) {
	d, addr := listenPacket(t, "udp", "127.0.0.1:0")
	o := NewSyslog("udp", addr.String(), Text)
	write(t, o, strings.Repeat("x", 20000))
	if got := <-d.messages; len(got) != syslogUDPLimit {
		t.Errorf("%d bytes", len(got))
	}
}

// A daemon that is restarted gets what comes afterwards, and nothing is lost unnoticed on a connection it had closed.
func TestSyslogReconnects(t *testing.T) {
	t.Run("stream", func(t *testing.T) {
		d, addr := listenStream(t, "tcp", "127.0.0.1:0", 1) // closes after each message
		f := newFanout(t, fastConfig())
		f.Add("syslog", NewSyslog("tcp", addr.String(), Text), false)
		for i := range 20 {
			f.Publish(testAlert(alert.High, fmt.Sprintf("alert %d.", i)))
			if got := <-d.messages; !strings.Contains(got, fmt.Sprintf("alert %d.", i)) {
				t.Fatalf("got %q", got)
			}
			eventually(t, "settled", func() bool { return f.Stats()[0].Sent == uint64(i+1) })
			// The connection's end must have come back for the next alert to notice it.
			eventually(t, "closed by the daemon", func() bool { return f.workers[0].out.(*syslog).alive() != nil })
		}
	})
	t.Run("datagram", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		d, _ := listenPacket(t, "unixgram", path)
		f := newFanout(t, fastConfig())
		f.Add("syslog", NewSyslog("unix", path, Text), false)
		f.Publish(testAlert(alert.High, "one"))
		<-d.messages
		d.close()
		f.Publish(testAlert(alert.High, "two"))
		eventually(t, "failing", func() bool { return f.Stats()[0].State == StateFailing })
		os.Remove(path)
		d, _ = listenPacket(t, "unixgram", path)
		if got := <-d.messages; !strings.Contains(got, "two") {
			t.Errorf("got %q", got)
		}
	})
}

func message(t *testing.T, h syslogHeader, b []byte, a *alert.Alert, limit int) []byte {
	t.Helper()
	b, err := h.appendMessage(b, a, limit)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Falco's priorities are syslog's severities, and its JSON stands whole where the text is.
func TestSyslogFalco(t *testing.T) {
	a := falcoAlert()
	a.Rule.Priority = "Emergency"
	a.Output = strings.Repeat("long ", 250)
	h := syslogHeader{host: "h", app: "tiercel", procID: "1", format: FalcoJSON | FalcoNoOutput | FalcoMessage}
	b := message(t, h, nil, a, syslogUDPLimit)
	head, text, _ := strings.Cut(string(b), textMark)
	if !strings.HasPrefix(head, "<104>1 ") || !json.Valid([]byte(text)) || len(b) > syslogUDPLimit {
		t.Errorf("%d bytes: %s", len(b), b)
	}
}
