package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/chromedp/chromedp/kb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

const rowCount = `document.querySelectorAll("#rows .row").length`

func shadowFinding(n float64) *sccpb.Finding {
	return &sccpb.Finding{
		Name: "organizations/1/sources/1/findings/f1", Category: "Collection: File read", Severity: sccpb.Finding_HIGH, State: sccpb.Finding_ACTIVE,
		EventTime: timestamppb.New(time.Now()),
		SourceProperties: map[string]*structpb.Value{
			"count": structpb.NewNumberValue(n), "rule": structpb.NewStringValue("file_read"), "node": structpb.NewStringValue("node-1"),
		},
	}
}

// An alert and its finding appear while somebody looks, with the counts that go along.
func TestAppearsLive(t *testing.T) {
	v := open(t, desk, plain)
	v.until(`document.getElementById("rows").textContent.includes("No alert yet")`)
	v.board.Alert(read("a1", "/etc/shadow", alert.High))
	v.until(rowCount + ` === 1 && document.querySelector(".row").textContent.includes("cat read /etc/shadow")`)
	for n := range 3 {
		v.board.Finding(shadowFinding(float64(n+1)), time.Now())
	}
	v.board.Tick(time.Now(), &alert.Heartbeat{
		Events: []*alert.Count{{Kind: "openat", Count: 1234}}, Drops: []*alert.Drop{{Reason: "ring_full", Count: 5}},
		Outputs: []*alert.Output{{Name: "pubsub", State: "failing", Dropped: 2}},
	}, board.Cloud{Quarantined: 1, Asides: []board.Aside{{Topic: "quarantine", ID: "9", Reason: "not an alert", Data: "hello"}}})
	v.until(`document.getElementById("n-alerts").textContent === "1" && document.getElementById("n-findings").textContent === "1"`)
	v.until(`document.getElementById("n-lost").textContent === "7" && document.querySelector("#chart-alerts rect.s3")`)
	v.press("2")
	v.until(rowCount + ` === 1 && document.querySelector(".row").textContent.includes("×3")`)
	v.press("4")
	v.until(`document.getElementById("rows").textContent.includes("ring_full") && document.getElementById("rows").textContent.includes("failing")`)
	v.press("5")
	v.until(`document.getElementById("rows").textContent.includes("not an alert") && document.getElementById("rows").textContent.includes("hello")`)
}

func TestFilter(t *testing.T) {
	v := open(t, desk, plain)
	for i, severity := range []alert.Severity{alert.Low, alert.Medium, alert.High, alert.Critical} {
		v.board.Alert(read(fmt.Sprint("a", i), fmt.Sprint("/etc/file-", i), severity))
	}
	v.until(rowCount + " === 4")
	for _, c := range []struct{ words, least, want string }{
		{"file-2", "0", "/etc/file-2"},
		{"cat -file-0 -file-1 -file-2", "0", "/etc/file-3"},
		{"", "4", "/etc/file-3"},
		{"FILE-1 medium", "2", "/etc/file-1"},
	} {
		v.text(fmt.Sprintf(`(() => { const f = document.getElementById("filter"), l = document.getElementById("least"); f.value = %q; l.value = %q;
			f.dispatchEvent(new Event("input")); l.dispatchEvent(new Event("change")); })()`, c.words, c.least))
		v.until(fmt.Sprintf(`%s === 1 && document.querySelector(".row").textContent.includes(%q)`, rowCount, c.want))
	}
	// What comes later is filtered too.
	v.board.Alert(read("b1", "/etc/file-1-again", alert.Medium))
	v.board.Alert(read("b2", "/etc/other", alert.Medium))
	v.until(rowCount + ` === 2 && document.getElementById("count").textContent === "2 of 6 shown"`)
}

// Everything is reached without a mouse.
func TestKeyboardAlone(t *testing.T) {
	v := open(t, desk, plain)
	v.board.Alert(read("a1", "/etc/hosts", alert.Low))
	v.board.Alert(read("a2", "/etc/shadow", alert.High))
	v.board.Alert(read("a3", "/etc/passwd", alert.Low))
	v.until(rowCount + " === 3")
	v.press("/")
	v.press("shadow")
	v.until(rowCount + " === 1")
	v.press(kb.Enter)
	v.until(`document.activeElement.classList.contains("row")`)
	v.press(kb.Enter)
	v.until(`document.activeElement.id === "detail-title" && location.hash === "#alert/a2"`)
	for _, want := range []string{
		"cat read /etc/shadow", "Nobody should.", `fd.path == "/etc/shadow"`, "-bash", "systemd", "/usr/bin/cat", "openat", "as the kernel resolved it", "node-1",
	} {
		if got := v.text(`document.getElementById("detail").textContent`); !strings.Contains(got, want) {
			t.Errorf("the detail lacks %q: %s", want, got)
		}
	}
	if got := v.text(`JSON.parse(document.querySelector("#detail .json pre").textContent).alert_id`); got != "a2" {
		t.Errorf("the whole message is of alert %q", got)
	}
	v.press(kb.Escape)
	v.until(`document.getElementById("detail").hidden && document.activeElement.dataset.key === "alert/a2"`)
	v.press("/")
	v.press(kb.Escape)
	v.until(rowCount + " === 3")
	v.press(kb.Escape)
	v.press("jj")
	v.until(`document.activeElement.dataset.key === "alert/a2"`)
	v.press("k")
	v.until(`document.activeElement.dataset.key === "alert/a3"`)
	v.press("1")
	v.text(`document.getElementById("tab-alerts").focus()`)
	v.press(kb.ArrowRight + kb.ArrowRight)
	v.until(`document.activeElement.id === "tab-rules" && ` + rowCount + ` === 1`)
}

// A connection that breaks is made again, and what happened meanwhile is there once.
func TestReconnect(t *testing.T) {
	var mu sync.Mutex
	var cuts []context.CancelFunc
	breakable := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cut := context.WithCancel(r.Context())
			defer cut()
			mu.Lock()
			cuts = append(cuts, cut)
			mu.Unlock()
			h.ServeHTTP(w, r.WithContext(ctx))
		})
	}
	v := open(t, desk, breakable)
	v.board.Alert(read("a0", "/etc/0", alert.Low))
	v.until(rowCount + " === 1")
	for n := 1; n <= 3; n++ {
		mu.Lock()
		for _, cut := range cuts {
			cut()
		}
		cuts = nil
		mu.Unlock()
		v.until(`document.getElementById("link").dataset.state === "lost"`)
		v.board.Alert(read(fmt.Sprint("a", n), fmt.Sprint("/etc/", n), alert.Low))
		v.until(`document.getElementById("link").dataset.state === "live"`)
		v.until(fmt.Sprintf("%s === %d", rowCount, n+1))
	}
	want := "alert/a3 alert/a2 alert/a1 alert/a0"
	if got := v.text(`[...document.querySelectorAll(".row")].map((r) => r.dataset.key).join(" ")`); got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

// A page that outlives a run shows the next one on that address, and nothing of the last.
func TestAnotherRun(t *testing.T) {
	v := open(t, desk, plain)
	v.board.Alert(read("a1", "/etc/first", alert.Low))
	v.until(rowCount + " === 1")
	v.board.End(time.Now())
	v.until(`document.title === "Tiercel (ended)"`)
	address := v.server.Listener.Addr().String()
	v.server.CloseClientConnections()
	v.server.Close()
	v.until(`document.getElementById("link").textContent === "the run has ended"`)
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	next := newBoard()
	next.Alert(read("b1", "/etc/second", alert.Low))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(next, nil, nil).Serve(ctx, l) }()
	v.until(`document.getElementById("link").dataset.state === "live" && ` + rowCount + ` === 1 && document.querySelector(".row").textContent.includes("/etc/second")`)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What one cannot be told now is asked for again.
func TestComesBackWhenRefused(t *testing.T) {
	var refuse atomic.Bool
	var refused atomic.Int32
	v := open(t, desk, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/events" && refuse.Load() {
				refused.Add(1)
				http.Error(w, "not now", http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	refuse.Store(true)
	v.server.CloseClientConnections()
	wait(t, "a refusal", func() bool { return refused.Load() > 0 })
	v.board.Alert(read("a1", "/etc/shadow", alert.Low))
	refuse.Store(false)
	v.until(`document.getElementById("link").dataset.state === "live" && ` + rowCount + " === 1")
}
