package mailbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"

	"tiercel.dev/internal/mail"
)

// A Mail is one that came, taken apart.
type Mail struct {
	Number       int
	Received     time.Time
	EnvelopeFrom string
	EnvelopeTo   []string
	Header       netmail.Header
	Subject      string // decoded
	MessageID    string
	HTML         []byte
	Text         string
	Pictures     []mail.Part // by content id
	Attached     []mail.Part
	Raw          []byte
}

// maxDepth is how deep a mail's parts may lie in each other.
const maxDepth = 8

// Parse takes a mail apart. https://www.rfc-editor.org/rfc/rfc2045
func Parse(raw []byte) (*Mail, error) {
	read, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	m := &Mail{Header: read.Header, Raw: raw}
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil {
		return nil, fmt.Errorf("mail: subject: %w", err)
	}
	m.MessageID = strings.Trim(read.Header.Get("Message-Id"), "<>")
	return m, m.part(textproto.MIMEHeader(read.Header), read.Body, 0)
}

func (m *Mail) part(header textproto.MIMEHeader, body io.Reader, depth int) error {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("mail: content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		if depth == maxDepth {
			return errors.New("mail: parts in parts in parts")
		}
		for parts := multipart.NewReader(body, parameters["boundary"]); ; {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return fmt.Errorf("mail: %s: %w", kind, err)
			}
			if err := m.part(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	data, err := io.ReadAll(decoded(header.Get("Content-Transfer-Encoding"), body))
	if err != nil {
		return fmt.Errorf("mail: %s: %w", kind, err)
	}
	m.take(header, kind, data)
	return nil
}

func (m *Mail) take(header textproto.MIMEHeader, kind string, data []byte) {
	disposition, parameters, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	p := mail.Part{Name: parameters["filename"], Type: kind, Data: data}
	switch {
	case disposition == "attachment":
		m.Attached = append(m.Attached, p)
	case header.Get("Content-Id") != "":
		p.Name = strings.Trim(header.Get("Content-Id"), "<>")
		m.Pictures = append(m.Pictures, p)
	case kind == "text/html":
		m.HTML = data
	case kind == "text/plain":
		m.Text = strings.ReplaceAll(string(data), "\r\n", "\n")
	default:
		m.Attached = append(m.Attached, p)
	}
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}
