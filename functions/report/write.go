package report

import (
	"strings"

	"tiercel.dev/internal/mail"
)

// Write makes the mail of an input for an audience, without sender and recipient. It is a pure function.
func Write(in *Input, a Audience, repeat bool) (m mail.Message, err error) {
	l := write(in, a)
	m = mail.Message{Subject: l.Subject, Date: in.Due, Text: l.text(repeat)}
	if m.Pictures, err = l.pictures(); err != nil {
		return m, err
	}
	if m.HTML, err = l.html(m.Pictures, repeat); err != nil {
		return m, err
	}
	m.Attached, err = l.attachments()
	return m, err
}

// listOf is the List-Id's part that is the sender's.
func listOf(from mail.Address) string {
	_, domain, _ := strings.Cut(from.Address, "@")
	return "reports.tiercel." + domain
}
