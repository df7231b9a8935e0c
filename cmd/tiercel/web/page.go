// Package web shows a board in a browser, live. It serves on loopback to whoever can connect: it only shows, and takes no
// request but GET. Text of messages reaches the page as JSON and is put in as text, never as markup; the policy that goes
// along forbids scripts and styles but the page's own, and any other address. A request under a name that is not this
// machine's is refused, so that a site on the web cannot have itself resolved to 127.0.0.1 and read along.
package web

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"tiercel.dev/cmd/tiercel/board"
)

//go:embed files
var files embed.FS

// A Page serves a board.
type Page struct {
	board   *board.Board
	mux     *http.ServeMux
	streams chan struct{} // a place for each
	timeout time.Duration // of a write
	closing chan struct{}
	close   sync.Once
}

// maxStreams bounds how many pages watch at once; a browser opens one for each tab.
const maxStreams = 32

// New makes a handler that shows b, and what mail has been sent: a handler of the mails' parts, nil for none. metrics serves
// the functions' figures, nil for none.
func New(b *board.Board, mail, metrics http.Handler) *Page {
	p := &Page{board: b, mux: http.NewServeMux(), streams: make(chan struct{}, maxStreams), timeout: writeTimeout, closing: make(chan struct{})}
	static, err := fs.Sub(files, "files")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	p.mux.Handle("GET /", http.FileServerFS(static))
	p.mux.HandleFunc("GET /events", p.events)
	p.mux.HandleFunc("GET /alert", detail("id", b.AlertDetail))
	p.mux.HandleFunc("GET /finding", detail("name", b.FindingDetail))
	if mail != nil {
		p.mux.Handle("GET /mail/", http.StripPrefix("/mail", mail))
	}
	if metrics != nil {
		p.mux.Handle("GET /metrics", metrics)
	}
	return p
}

// policy allows the page's own files and nothing else. Trusted types have the browser refuse any string that would become
// markup or script.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	switch {
	case !isAddress(r.Host):
		http.Error(w, "use this machine's address, or localhost", http.StatusMisdirectedRequest)
	case r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate":
		http.Error(w, "asked for by another site", http.StatusForbidden)
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	default:
		p.mux.ServeHTTP(w, r)
	}
}

// isAddress reports whether a request's Host is an address or localhost, which nobody can have resolve to another machine.
func isAddress(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == "localhost" {
		return true
	}
	if len(name) > 1 && name[0] == '[' {
		name = name[1 : len(name)-1]
	}
	_, err = netip.ParseAddr(name)
	return err == nil
}

// detail answers with what get has of the thing that a parameter names.
func detail(parameter string, get func(string) (board.Detail, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		d, ok := get(r.URL.Query().Get(parameter))
		if !ok {
			http.Error(w, "not kept", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d) // its only errors are the connection's
	}
}

// Close has every stream say what it has and end.
func (p *Page) Close() { p.close.Do(func() { close(p.closing) }) }

const (
	// writeTimeout is how long a browser may take to read what it is sent, before it is dropped; it comes back and goes on
	// where it was.
	writeTimeout = 10 * time.Second
	// comeBack is how long a browser waits before it does.
	comeBack = time.Second
	// pingEvery keeps a stream without news from being taken for dead.
	pingEvery = 15 * time.Second
	// gather is how long changes are collected before they are sent together.
	gather = 50 * time.Millisecond
)
