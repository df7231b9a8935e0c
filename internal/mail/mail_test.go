package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"google.golang.org/api/option"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/mail/clients"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/local/mailbox"
	"tiercel.dev/local/storage"
)

var (
	from = mail.Address{Name: "Tiercel", Address: "tiercel@example.com"}
	ann  = mail.Address{Address: "ann@example.com"}
	bob  = mail.Address{Address: "bob@example.com"}
	day  = time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)
)

func box(t *testing.T) *mailbox.Server {
	t.Helper()
	s, err := mailbox.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func bucket(t *testing.T) *objects.Bucket {
	t.Helper()
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	b, err := objects.NewBucket(t.Context(), "b", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func message() mail.Message {
	return mail.Message{From: from, To: ann, ID: "1@example.com", Date: day, Subject: "Subject", Text: "text\n", HTML: []byte("<p>html</p>")}
}

func TestSubmittedMailIsWhole(t *testing.T) {
	s := box(t)
	m := message()
	m.Thread, m.List = "0@example.com", "report.tiercel.example.com"
	m.Pictures = []mail.Part{{Name: "score.png", Type: "image/png", Data: []byte("\x89PNG picture")}}
	m.Attached = []mail.Part{{Name: "report.json", Type: "application/json", Data: []byte(`{"a":1}`)}}
	if err := s.SMTP().Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := s.Mails()[0]
	if got.MessageID != m.ID || got.Text != m.Text || string(got.HTML) != string(m.HTML) {
		t.Errorf("id %q, text %q, html %q", got.MessageID, got.Text, got.HTML)
	}
	if p := got.Pictures; len(p) != 1 || p[0].Name != "score.png" || string(p[0].Data) != "\x89PNG picture" {
		t.Errorf("pictures %+v", p)
	}
	if p := got.Attached; len(p) != 1 || p[0].Name != "report.json" || string(p[0].Data) != `{"a":1}` {
		t.Errorf("attached %+v", p)
	}
	for header, want := range map[string]string{
		"List-Id": "Tiercel <report.tiercel.example.com>", "In-Reply-To": "<0@example.com>", "References": "<0@example.com>",
		"From": `"Tiercel" <tiercel@example.com>`, "Auto-Submitted": "auto-generated", "X-Tiercel-Repeat": "", "User-Agent": "",
	} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s: %q, want %q", header, v, want)
		}
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	for _, c := range []struct {
		step          mailbox.Step
		code          int
		poison, doubt bool
	}{
		{mailbox.Auth, 535, false, false}, {mailbox.Auth, 454, false, false},
		{mailbox.From, 451, false, false}, {mailbox.From, 550, true, false},
		{mailbox.To, 450, false, false}, {mailbox.To, 550, true, false},
		{mailbox.Data, 452, false, false}, {mailbox.Data, 554, true, false},
	} {
		t.Run(fmt.Sprint(c.step, c.code), func(t *testing.T) {
			s := box(t)
			s.Fail(func(at mailbox.Step, _ string) error {
				if at != c.step {
					return nil
				}
				return &smtp.SMTPError{Code: c.code, EnhancedCode: smtp.EnhancedCode{c.code / 100, 7, 1}, Message: "on demand"}
			})
			err := s.SMTP().Send(t.Context(), message())
			if err == nil || errors.Is(err, fault.ErrPoison) != c.poison || errors.Is(err, mail.ErrUnknownFate) != c.doubt {
				t.Errorf("%v", err)
			}
			if len(s.Mails()) != 0 {
				t.Error("it was kept")
			}
		})
	}
}

func TestAServerThatIsNotTrustedGetsNothing(t *testing.T) {
	s := box(t)
	to := s.SMTP()
	to.Roots = nil
	if err := to.Send(t.Context(), message()); err == nil || errors.Is(err, fault.ErrPoison) {
		t.Errorf("a certificate of nobody's: %v", err)
	}
	to = s.SMTP()
	to.Password = "another"
	if err := to.Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "another") {
		t.Errorf("a wrong password: %v", err)
	}
	if len(s.Mails()) != 0 {
		t.Error("it was kept")
	}
}

// Nothing that a cluster's names may hold makes a header, or leaves its own.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"a\r\nBcc: eve@example.com", "=?utf-8?q?=0D=0ABcc:x?=", "a\u2028b\u202ec", strings.Repeat("é", 500), "\x00\x1b[31m", "a\n\n<html>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := message()
		m.Subject, m.List = text, "report.example.com"
		m.From.Name = text
		raw, err := m.Raw()
		if err != nil {
			t.Fatal(err)
		}
		got, err := mailbox.Parse(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		if want := mail.Header(text); got.Subject != want {
			t.Errorf("subject %q, want %q", got.Subject, want)
		}
		for name := range got.Header {
			switch name {
			case "Date", "Mime-Version", "Message-Id", "Subject", "From", "To", "List-Id", "Auto-Submitted", "X-Auto-Response-Suppress",
				"Content-Type":
			default:
				t.Errorf("header %q came with %q", name, text)
			}
		}
		if got.Text != m.Text {
			t.Errorf("text %q", got.Text)
		}
	})
}

func notice() posture.Notice {
	return posture.Notice{
		Key: "rotation/p/l/c/START", Time: day, Subject: "rotation of shop has begun", Severity: posture.High,
		Resource: posture.Resource{Project: "p", Location: "l", Cluster: "shop"},
		Text:     "Somebody began it.\n\nIt ends by itself.", Facts: []posture.Evidence{{Path: "by", Value: "<b>eve</b>\u202e"}},
		Commands:  []string{"gcloud container clusters update shop --complete-credential-rotation"},
		Deadlines: []posture.Deadline{{Time: day.AddDate(0, 0, 7), What: "GKE completes it", Severity: posture.Critical}},
	}
}

func TestNoticeIsAMailForEach(t *testing.T) {
	s := box(t)
	n := &mail.Notices{Outbox: &mail.Outbox{Store: bucket(t), Sender: s.SMTP()}, From: from, To: []mail.Address{ann, bob}}
	for range 2 {
		if err := n.Notify(t.Context(), notice()); err != nil {
			t.Fatal(err)
		}
	}
	mails := s.Mails()
	if len(mails) != 2 || mails[0].MessageID == mails[1].MessageID {
		t.Fatalf("%d mails", len(mails))
	}
	m := mails[1]
	if m.Subject != "[Tiercel] HIGH: rotation of shop has begun" || m.EnvelopeTo[0] != ann.Address {
		t.Errorf("%q to %v", m.Subject, m.EnvelopeTo)
	}
	for _, e := range clients.Check(m.HTML) {
		t.Error(e)
	}
	for _, want := range []string{"&lt;b&gt;eve&lt;/b&gt;\\u202e", "--complete-credential-rotation", "GKE completes it"} {
		if !strings.Contains(string(m.HTML), want) {
			t.Errorf("the HTML lacks %q", want)
		}
	}
	for _, want := range []string{"<b>eve</b>\\u202e", "  gcloud container clusters update shop", "2026-12-05  GKE completes it", "Somebody began it."} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q:\n%s", want, m.Text)
		}
	}
}

// One who cannot get mail keeps nobody else from it.
func TestNoticeToSomebodyUnknown(t *testing.T) {
	s := box(t)
	s.Fail(func(at mailbox.Step, text string) error {
		if at == mailbox.To && text == ann.Address {
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "unknown"}
		}
		return nil
	})
	n := &mail.Notices{Outbox: &mail.Outbox{Store: bucket(t), Sender: s.SMTP()}, From: from, To: []mail.Address{ann, bob}}
	if err := n.Notify(t.Context(), notice()); !errors.Is(err, fault.ErrPoison) {
		t.Errorf("%v", err)
	}
	if got := s.Mails(); len(got) != 1 || got[0].EnvelopeTo[0] != bob.Address {
		t.Errorf("%d mails", len(got))
	}
}

var _ mail.Sender = mail.SMTP{}

func sendTo(o *mail.Outbox, ctx context.Context) error {
	return o.Send(ctx, "report/20261128T060000Z", ann, func(repeat bool) (mail.Message, error) {
		m := message()
		if repeat {
			m.Text = mail.RepeatText
		}
		return m, nil
	})
}
