package mail

import (
	"bytes"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"tiercel.dev/alert"
)

// An Address is somebody's, as [netmail.ParseAddress] reads it.
type Address = netmail.Address

// A Message is one mail to one person. HTML and Text say the same; each stands alone.
type Message struct {
	From, To Address
	Subject  string
	Date     time.Time
	ID       string // without angle brackets; see [MessageID]
	Thread   string // id of what all mails of a kind answer to, so that clients show them together; may be empty
	List     string // List-Id: what filters sort by, such as report.tiercel.example.com
	HTML     []byte
	Text     string
	Pictures []Part // that HTML shows, as cid:NAME
	Attached []Part
	// Repeat says that the same mail may have been sent before.
	Repeat bool
}

// A Part is a file of a mail.
type Part struct {
	Name, Type string
	Data       []byte
}

// maxSubject is how much of a subject is sent: clients show less.
const maxSubject = 200

// Header turns text into what may stand in a header: on one line, without what cannot be seen, and read as it stands.
func Header(text string) string {
	text = alert.Escape(strings.Join(strings.Fields(text), " "))
	text = strings.ReplaceAll(text, "=?", "= ?") // clients would read an encoded word
	if runes := []rune(text); len(runes) > maxSubject {
		text = string(runes[:maxSubject-1]) + "…"
	}
	return text
}

// message makes go-mail's of it.
func (m Message) message() (*gomail.Msg, error) {
	if m.ID == "" || m.Text == "" || len(m.HTML) == 0 {
		return nil, errors.New("a mail needs an id, a text and its HTML")
	}
	// Names of parts stand in headers, and in the HTML.
	for _, p := range append(m.Pictures[:len(m.Pictures):len(m.Pictures)], m.Attached...) {
		if strings.ContainsFunc(p.Name, func(r rune) bool { return !strings.ContainsRune(nameRunes, r) }) {
			return nil, fmt.Errorf("part %q: a name has letters, digits, dot and hyphen", p.Name)
		}
	}
	out := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	out.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &m.From)
	out.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &m.To)
	if len(out.GetFrom()) != 1 || len(out.GetTo()) != 1 {
		return nil, fmt.Errorf("from %q to %q: not two addresses", m.From.Address, m.To.Address)
	}
	out.Subject(Header(m.Subject))
	out.SetDateWithValue(m.Date)
	out.SetMessageIDWithValue(m.ID)
	if m.Thread != "" {
		out.SetGenHeader(gomail.HeaderInReplyTo, "<"+m.Thread+">")
		out.SetGenHeader(gomail.HeaderReferences, "<"+m.Thread+">")
	}
	if m.List != "" {
		out.SetGenHeader("List-Id", "Tiercel <"+Header(m.List)+">")
	}
	// Nobody's out-of-office note shall answer. https://www.rfc-editor.org/rfc/rfc3834#section-5
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	out.SetGenHeader("X-Auto-Response-Suppress", "All")
	if m.Repeat {
		out.SetGenHeader("X-Tiercel-Repeat", "perhaps")
	}
	out.SetBodyString(gomail.TypeTextPlain, m.Text)
	out.AddAlternativeString(gomail.TypeTextHTML, string(m.HTML))
	for _, p := range m.Pictures {
		if err := out.EmbedReader(p.Name, bytes.NewReader(p.Data), gomail.WithFileContentID("<"+p.Name+">"),
			gomail.WithFileContentType(gomail.ContentType(p.Type))); err != nil {
			return nil, fmt.Errorf("picture %s: %w", p.Name, err)
		}
	}
	for _, p := range m.Attached {
		if err := out.AttachReader(p.Name, bytes.NewReader(p.Data), gomail.WithFileContentType(gomail.ContentType(p.Type))); err != nil {
			return nil, fmt.Errorf("attachment %s: %w", p.Name, err)
		}
	}
	return out, nil
}

const nameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

// Raw is the mail as it is submitted.
func (m Message) Raw() ([]byte, error) {
	out, err := m.message()
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	_, err = out.WriteTo(&raw)
	return raw.Bytes(), err
}
