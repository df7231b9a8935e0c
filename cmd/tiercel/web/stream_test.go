package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

// A message is one of a stream's.
type message struct{ id, name, data string }

// listen opens a stream after the id given, and returns a reader of its messages.
func listen(t *testing.T, address, last string) (next func() (message, error), stop func()) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	lines := bufio.NewReader(answer.Body)
	return func() (m message, err error) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return m, err
			}
			switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
			case "id":
				m.id = value
			case "event":
				m.name = value
			case "data":
				m.data = value
			case "":
				if m.name != "" {
					return m, nil
				}
			}
		}
	}, func() { answer.Body.Close() }
}

func serve(t *testing.T) (*Page, *board.Board, string) {
	t.Helper()
	b := newBoard()
	p := New(b, nil, nil)
	s := httptest.NewServer(p)
	t.Cleanup(func() { p.Close(); s.Close() })
	return p, b, s.URL
}

// A reader that comes back with its last id gets what came after, each once and in order; one of another run, all.
func TestGoesOn(t *testing.T) {
	_, b, address := serve(t)
	next, stop := listen(t, address, "")
	first, err := next()
	if err != nil || first.name != "snapshot" {
		t.Fatalf("%+v, %v", first, err)
	}
	last := first.id
	seen := 0
	for round := range 5 {
		for i := range 7 {
			b.Alert(read(fmt.Sprint(round*7+i), "/etc/shadow", alert.Low))
		}
		// Each stream ends in the middle of what there is to read.
		for range 5 {
			m, err := next()
			if err != nil || m.name != "alert" || !strings.Contains(m.data, fmt.Sprintf(`"id":"%d"`, seen)) {
				t.Fatalf("after %d: %+v, %v", seen, m, err)
			}
			seen, last = seen+1, m.id
		}
		stop()
		next, stop = listen(t, address, last)
	}
	stop()
	for _, stale := range []string{"another.3", "x", b.Run() + ".999999", b.Run() + ".-1"} {
		next, stop := listen(t, address, stale)
		if m, err := next(); err != nil || m.name != "snapshot" || strings.Count(m.data, `"rule":"file_read"`) != 35 {
			t.Errorf("%s: %+v, %v", stale, m, err)
		}
		stop()
	}
}

// Whoever is too far behind gets what stands for all that was missed.
func TestFarBehind(t *testing.T) {
	_, b, address := serve(t)
	next, stop := listen(t, address, "")
	first, err := next()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	for i := range 6000 {
		b.Alert(read(fmt.Sprint(i), "/etc/shadow", alert.Low))
	}
	next, stop = listen(t, address, first.id)
	defer stop()
	if m, err := next(); err != nil || m.name != "snapshot" || !strings.Contains(m.data, `"id":"5999"`) || strings.Contains(m.data, `"id":"4999"`) {
		t.Errorf("%s of %d bytes, %v", m.name, len(m.data), err)
	}
}

// A browser that does not read is let go, so that its place is free for another.
func TestDoesNotRead(t *testing.T) {
	p, b, address := serve(t)
	p.timeout = 50 * time.Millisecond
	c, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	wait(t, "the stream to begin", func() bool { return len(p.streams) == 1 })
	text := strings.Repeat("x", 1000)
	i := 0
	wait(t, "the stream to end", func() bool {
		for range 500 {
			i++
			b.Alert(read(fmt.Sprint(i), text, alert.Low))
		}
		return len(p.streams) == 0
	})
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// The last change of a run reaches who watches, and then the stream ends.
func TestEnds(t *testing.T) {
	p, b, address := serve(t)
	next, stop := listen(t, address, "")
	defer stop()
	if _, err := next(); err != nil {
		t.Fatal(err)
	}
	b.End(time.Now())
	p.Close()
	if m, err := next(); err != nil || m.name != "end" {
		t.Errorf("%+v, %v", m, err)
	}
	if m, err := next(); err != io.EOF {
		t.Errorf("after the end: %+v, %v", m, err)
	}
}

func TestTooMany(t *testing.T) {
	p, _, address := serve(t)
	for range maxStreams {
		_, stop := listen(t, address, "")
		defer stop()
	}
	wait(t, "all streams", func() bool { return len(p.streams) == maxStreams })
	answer, err := http.Get(address + "/events")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %s", answer.Status)
	}
}
