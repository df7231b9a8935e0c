package mailbox_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"image/png"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/mail/clients"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/mailbox"
	"tiercel.dev/local/storage"
)

// real is the server of scripts/mail-e2e.
func real(t *testing.T) (server mail.SMTP, maildir string) {
	t.Helper()
	host, port, err := net.SplitHostPort(os.Getenv("TIERCEL_SMTP_TEST"))
	if err != nil {
		t.Skip("no mail server: run scripts/mail-e2e")
	}
	authority, err := os.ReadFile(os.Getenv("TIERCEL_SMTP_TEST_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return mail.SMTP{Host: host, Port: n, Username: "tiercel", Password: os.Getenv("TIERCEL_SMTP_TEST_PASSWORD"), Roots: roots},
		os.Getenv("TIERCEL_SMTP_TEST_MAILDIR")
}

// The report goes through a server that is not ours, and comes out of its mailbox as it went in.
func TestRealServer(t *testing.T) {
	server, maildir := real(t)
	wrong := server
	wrong.Password = "wrong"
	m := mail.Message{ID: "x@acme.example", From: mail.Address{Address: "tiercel@acme.example"}, To: mail.Address{Address: "ciso@acme.example"}, Text: "x", HTML: []byte("x")}
	for deadline := time.Now().Add(time.Minute); ; {
		err := wrong.Send(t.Context(), m)
		if err != nil && strings.Contains(err.Error(), "AUTH") {
			break // it is there, and asks who one is
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server never asked for a password: %v", err)
		}
		pause(t, 200*time.Millisecond)
	}

	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	store, err := objects.NewBucket(t.Context(), "b", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Send(t.Context(), store, server); err != nil {
		t.Fatal(err)
	}
	in, err := report.Collect(t.Context(), store, sample.Monday(sample.Weeks-1), sample.Version)
	if err != nil {
		t.Fatal(err)
	}
	want, err := report.Write(in, report.Audience{Name: "all"}, false)
	if err != nil {
		t.Fatal(err)
	}
	got := arrived(t, maildir, want.Subject)
	if !bytes.Equal(bytes.ReplaceAll(got.HTML, []byte("\r\n"), []byte("\n")), want.HTML) || got.Text != want.Text {
		t.Error("HTML or text are not what was sent")
	}
	var ids []string
	for _, p := range got.Pictures {
		ids = append(ids, p.Name)
		if shot, err := png.Decode(bytes.NewReader(p.Data)); err != nil || shot.Bounds().Dx() < 1000 {
			t.Errorf("%s: %v", p.Name, err)
		}
	}
	if len(ids) != 3 || len(got.Attached) != 2 || got.Header.Get("List-Id") == "" || got.Header.Get("References") == "" {
		t.Errorf("pictures %v, %d attached, %v", ids, len(got.Attached), got.Header)
	}
	for _, e := range clients.Check(got.HTML, ids...) {
		t.Error(e)
	}
	shown(t, mail.Inline(got.HTML, got.Pictures))
}

func pause(t *testing.T, d time.Duration) {
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// arrived waits for the mail with a subject in a maildir; delivery is a process of the server's own.
func arrived(t *testing.T, maildir, subject string) *mailbox.Mail {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); pause(t, 200*time.Millisecond) {
		names, err := filepath.Glob(filepath.Join(maildir, "new", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if m, err := mailbox.Parse(raw); err != nil {
				t.Fatalf("%s: %v", name, err)
			} else if m.Subject == subject {
				return m
			}
		}
	}
	t.Fatalf("%q never came", subject)
	return nil
}

// shown has Chromium show the mail as wide and as narrow as clients are, with and without <style>: nothing is wider than the window.
func shown(t *testing.T, html []byte) {
	t.Helper()
	bare := regexp.MustCompile(`(?s)<style>.*?</style>`).ReplaceAll(html, nil)
	dir := t.TempDir()
	for name, data := range map[string][]byte{"whole": html, "bare": bare} {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		for _, width := range []int{640, 375} {
			frame := fmt.Sprintf(`<!DOCTYPE html><body><iframe id="f" src="%s.html" width="%d" height="900" style="border:0"></iframe>
<script>onload=()=>{const d=document.getElementById("f").contentDocument.documentElement;document.title="";
document.body.append("scroll="+d.scrollWidth+" images="+[...d.querySelectorAll("img")].filter(i=>i.naturalWidth>1000).length)}</script>`, name, width)
			page := filepath.Join(dir, "frame.html")
			if err := os.WriteFile(page, []byte(frame), 0o644); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			out, err := exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--hide-scrollbars",
				"--window-size=700,1000", "--dump-dom", "file://"+page).Output()
			cancel()
			if err != nil {
				t.Fatalf("chromium: %v", err)
			}
			if want := fmt.Sprintf("scroll=%d images=3", width); !strings.Contains(string(out), want) {
				t.Errorf("%s at %d: no %q in %s", name, width, want, out[max(0, len(out)-200):])
			}
		}
	}
}
