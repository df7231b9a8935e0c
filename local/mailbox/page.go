package mailbox

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/internal/mail"
)

//go:embed page.tmpl
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// Listed is what a list has of a mail.
type Listed struct {
	Number  int    `json:"number"`
	Subject string `json:"subject"`
	To      string `json:"to"`
	Time    string `json:"time"` // RFC 3339
}

// ServeHTTP shows the mails, below whatever path it is mounted: / lists them, /list.json for programs, /N is one with its HTML in a
// sandbox, /N/html, /N/text and /N/part/I its parts. Mount it behind what keeps other machines out.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'none'; base-uri 'none'")
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "":
		render(w, "list", s.Mails())
		return
	case "list.json":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.listed()) // its only errors are the connection's
		return
	}
	mails := s.Mails()
	number, err := strconv.Atoi(first)
	i := slices.IndexFunc(mails, func(m *Mail) bool { return m.Number == number })
	if err != nil || i < 0 {
		http.Error(w, "no such mail", http.StatusNotFound)
		return
	}
	mails[i].serve(w, rest)
}

func (s *Server) listed() []Listed {
	all := []Listed{}
	for _, m := range s.Mails() {
		all = append(all, Listed{m.Number, m.Subject, strings.Join(m.EnvelopeTo, ", "), m.Received.Format("2006-01-02T15:04:05Z")})
	}
	return all
}

func (m *Mail) serve(w http.ResponseWriter, what string) {
	switch {
	case what == "":
		render(w, "mail", m)
	case what == "html":
		// The frame that shows it is sandboxed; so is it by itself.
		w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write(mail.Inline(m.HTML, m.Pictures))
	case what == "text":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, m.Text)
	case strings.HasPrefix(what, "part/"):
		i, err := strconv.Atoi(strings.TrimPrefix(what, "part/"))
		if err != nil || i < 0 || i >= len(m.Attached) {
			http.Error(w, "no such part", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": m.Attached[i].Name}))
		w.Write(m.Attached[i].Data)
	default:
		http.Error(w, "no such part", http.StatusNotFound)
	}
}

func render(w http.ResponseWriter, name string, data any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.ExecuteTemplate(w, name, data) // the templates are tested; what is left are the connection's errors
}
