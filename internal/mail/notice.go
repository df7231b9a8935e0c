package mail

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/posture"
)

// Notices sends notices to those who get them.
type Notices struct {
	Outbox *Outbox
	From   Address
	To     []Address
}

// Notify sends a notice to everybody, to each of them once. An error is [fault.ErrPoison] if trying again helps nobody.
func (n *Notices) Notify(ctx context.Context, notice posture.Notice) error {
	return Each(n.To, func(to Address) error {
		return n.Outbox.Send(ctx, "notice/"+notice.Key, to, func(repeat bool) (Message, error) { return n.render(notice, to, repeat) })
	})
}

func (n *Notices) render(notice posture.Notice, to Address, repeat bool) (Message, error) {
	data := noticed{Notice: notice, Repeat: repeat, Paragraphs: paragraphs(notice.Text)}
	var html bytes.Buffer
	if err := noticeHTML.ExecuteTemplate(&html, "notice", data); err != nil {
		return Message{}, fault.Poison(fmt.Errorf("notice %s: %w", notice.Key, err))
	}
	_, domain, _ := strings.Cut(n.From.Address, "@")
	return Message{
		From: n.From, Subject: fmt.Sprintf("[Tiercel] %s: %s", notice.Severity, notice.Subject), Date: notice.Time,
		Thread: MessageID("thread/"+notice.Resource.ClusterName(), n.From, to), List: "notices.tiercel." + domain,
		HTML: html.Bytes(), Text: noticeText(data),
	}, nil
}

type noticed struct {
	posture.Notice
	Repeat     bool
	Paragraphs []string
}

func paragraphs(text string) (all []string) {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			all = append(all, alert.Escape(p))
		}
	}
	return all
}

func noticeText(n noticed) string {
	var t Text
	t.Line("%s: %s", n.Severity, n.Subject)
	t.Line("%s · %s", n.Resource, n.Time.UTC().Format("2006-01-02 15:04 UTC"))
	if n.Repeat {
		t.Blank()
		t.Paragraph(RepeatText)
	}
	for _, p := range n.Paragraphs {
		t.Blank()
		t.Paragraph(p)
	}
	if len(n.Facts) > 0 {
		t.Blank()
		for _, f := range n.Facts {
			t.Line("  %s: %s", f.Path, f.Value)
		}
	}
	if len(n.Commands) > 0 {
		t.Head("Commands")
		for _, c := range n.Commands {
			t.Line("  %s", c)
		}
	}
	if len(n.Deadlines) > 0 {
		t.Head("Deadlines")
		for _, d := range n.Deadlines {
			t.Line("  %s  %s", d.Time.UTC().Format("2006-01-02"), d.What)
		}
	}
	return t.String()
}
