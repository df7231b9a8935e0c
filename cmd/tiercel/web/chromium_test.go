package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/rules"
)

// patience is how long a test waits for what is to come.
const patience = 90 * time.Second

// chromium is one browser for all tests, each of which has a tab. It ends with the process.
var chromium = sync.OnceValue(func() context.Context {
	options := chromedp.DefaultExecAllocatorOptions[:]
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // it refuses to run as root otherwise
	}
	ctx, _ := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	return ctx
})

// TestMain ends the browser with the tests.
func TestMain(m *testing.M) {
	code := m.Run()
	if started {
		_ = chromedp.Cancel(chromium()) // it ends with its pipe at the latest
	}
	os.Exit(code)
}

var started bool

// A visit is a browser's tab on a page of a board.
type visit struct {
	t       *testing.T
	tab     context.Context
	board   *board.Board
	server  *httptest.Server
	address string
}

// A screen is what a tab pretends to be.
type screen struct {
	width, height int64
	dark          bool
}

var desk = screen{width: 1280, height: 900}

// open shows a board's page in a tab, or skips the test where there is no browser.
func open(t *testing.T, s screen, wrap func(http.Handler) http.Handler) *visit {
	t.Helper()
	if _, err := exec.LookPath("chromium"); err != nil {
		if os.Getenv("TIERCEL_REQUIRE_CHROMIUM") != "" {
			t.Fatal(err)
		}
		t.Skipf("needs a browser: %v; Debian's package is chromium", err)
	}
	started = true
	if err := chromedp.Do(chromium()); err != nil {
		t.Fatal(err)
	}
	v := &visit{t: t, board: newBoard()}
	page := New(v.board, mails, nil)
	v.server = httptest.NewServer(wrap(page))
	t.Cleanup(func() { page.Close(); v.server.Close() })
	v.address = v.server.URL + "/"
	tab, stop := context.WithTimeout(chromium(), 5*patience)
	t.Cleanup(stop)
	v.tab, stop = chromedp.NewContext(tab)
	t.Cleanup(stop)
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	v.do(chromedp.EmulateViewport(s.width, s.height), chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}), chromedp.Navigate(v.address))
	v.until(`document.getElementById("link").dataset.state === "live" && document.getElementById("about").textContent.includes("node-1")`)
	return v
}

func plain(h http.Handler) http.Handler { return h }

func (v *visit) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.tab, steps...); err != nil {
		v.t.Fatal(err)
	}
}

// until waits for an expression of the page's script to be true.
func (v *visit) until(expression string) {
	v.t.Helper()
	ctx, stop := context.WithTimeout(v.tab, patience)
	defer stop()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(0)))
	if err != nil {
		v.t.Fatalf("waited in vain for %s: %v\n%s", expression, err, v.text("document.body.innerText"))
	}
}

// text is an expression's value.
func (v *visit) text(expression string) string {
	v.t.Helper()
	got, err := chromedp.Run(v.tab, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// press types keys where the focus is.
func (v *visit) press(keys string) {
	v.t.Helper()
	v.do(chromedp.KeyEvent(keys))
}

// newBoard is of a run that watches, with one rule.
func newBoard() *board.Board {
	b := board.New(time.Now())
	b.Watching(board.About{Node: "node-1", Kernel: "6.12", Arch: "amd64", Programs: 5, Kinds: 3, Rules: 1, RuleSet: "set-1"}, []rules.Info{{
		Name: "file_read", Title: "File read", Description: "Nobody should.", Enabled: true, Condition: `evt.is_open_read && fd.path == "/etc/shadow"`,
		Fields: []string{"fd.path"},
	}})
	return b
}

// read is an alert as a sensor makes it of a file that was read.
func read(id, path string, severity alert.Severity) *alert.Alert {
	return &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, AlertId: id, SensorId: "node-1", BootId: "b", Seq: 1, Severity: severity,
		Time: "2026-01-02T03:04:05.000000006Z", Rule: &alert.Rule{Name: "file_read", Title: "File read", Description: "Nobody should.", SetHash: "set-1"},
		Output: "cat read " + path, Fields: []*alert.Field{{Name: "fd.path", Type: alert.Alert_Field_TEXT, Text: path}},
		Event:     &alert.Event{Type: "openat", Result: 3},
		Process:   &alert.Process{Pid: 7, Name: "cat", CommandLine: "cat " + path, UserName: "root", ExePath: "/usr/bin/cat"},
		Ancestors: []*alert.Process{{Pid: 6, Name: "bash", CommandLine: "-bash"}, {Pid: 1, Name: "systemd"}},
		Files:     []*alert.File{{Path: path, RawPath: path, RealPath: path, Operation: alert.Alert_File_READ}},
		Node:      &alert.Node{Name: "node-1"},
	}
}
