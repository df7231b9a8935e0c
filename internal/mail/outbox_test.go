package mail_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/mailbox"
)

var errDied = errors.New("the process died")

// A life is a process that dies at its nth step: before what the step does, or after, unheard.
type life struct {
	left  int
	after bool
	store mail.Store
	smtp  mail.Sender
	steps int
}

func (l *life) step(do func() error) error {
	l.steps++
	if l.left--; l.left < 0 {
		return errDied
	}
	if l.left > 0 {
		return do()
	}
	if l.after {
		do()
	}
	l.left = -1
	return errDied
}

func (l *life) Get(ctx context.Context, name string) (o objects.Object, err error) {
	err = l.step(func() error { o, err = l.store.Get(ctx, name); return err })
	return o, err
}

func (l *life) Put(ctx context.Context, name string, data []byte, meta map[string]string, g int64) (n int64, err error) {
	err = l.step(func() error { n, err = l.store.Put(ctx, name, data, meta, g); return err })
	return n, err
}

func (l *life) Send(ctx context.Context, m mail.Message) error {
	err := l.step(func() error { return l.smtp.Send(ctx, m) })
	if errors.Is(err, errDied) {
		return fmt.Errorf("%w: %w", mail.ErrUnknownFate, err) // a dead process notes nothing
	}
	return err
}

// A process may die at every step. The mail comes once, by the next process after the claim is void; where the first may have sent
// it, the same id comes again and says so.
func TestOutboxSurvivesDeath(t *testing.T) {
	const whole = 4 // get, claim, send, note
	for died := 1; died <= whole; died++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("step %d after %v", died, after), func(t *testing.T) {
				s, b, now := box(t), bucket(t), day
				first := &life{left: died, after: after, store: b, smtp: s.SMTP()}
				clock := func() time.Time { return now }
				if err := sendTo(&mail.Outbox{Store: first, Sender: first, Now: clock}, t.Context()); !errors.Is(err, errDied) {
					t.Fatalf("it lived: %v", err)
				}
				second := &mail.Outbox{Store: b, Sender: s.SMTP(), Now: clock}
				claimed := died > 2 || died == 2 && after
				noted := died == whole && after
				if err := sendTo(second, t.Context()); errors.Is(err, mail.ErrBusy) != (claimed && !noted) {
					t.Fatalf("at once: %v", err)
				}
				now = now.Add(11 * time.Minute)
				for range 2 {
					if err := sendTo(second, t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				twice := died == 3 && after || died == 4 && !after
				check(t, s.Mails(), twice, claimed && !noted)
			})
		}
	}
}

// check holds that a mail came once, or twice under one id; and that the last says so if it may be the second.
func check(t *testing.T, mails []*mailbox.Mail, twice, repeat bool) {
	t.Helper()
	if want := map[bool]int{false: 1, true: 2}[twice]; len(mails) != want {
		t.Fatalf("%d mails, want %d", len(mails), want)
	}
	last, first := mails[0], mails[len(mails)-1]
	if first.MessageID != last.MessageID {
		t.Errorf("ids %s and %s", first.MessageID, last.MessageID)
	}
	if said := last.Header.Get("X-Tiercel-Repeat") == "perhaps" && last.Text != message().Text; said != repeat {
		t.Errorf("says that it may be a repeat: %v", said)
	}
	if twice && first.Header.Get("X-Tiercel-Repeat") != "" {
		t.Error("the first says it too")
	}
}

func TestRefusedMailIsTriedAgainAndIsNoRepeat(t *testing.T) {
	s, b := box(t), bucket(t)
	o := &mail.Outbox{Store: b, Sender: s.SMTP()}
	s.Fail(func(at mailbox.Step, _ string) error {
		if at == mailbox.To {
			return errors.New("full")
		}
		return nil
	})
	if err := sendTo(o, t.Context()); err == nil || errors.Is(err, mail.ErrBusy) {
		t.Fatalf("%v", err)
	}
	s.Fail(nil)
	if err := sendTo(o, t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, s.Mails(), false, false)
}

// A server may keep a mail and lose the connection before it says so.
func TestUnheardAnswerIsARepeat(t *testing.T) {
	s, b, now := box(t), bucket(t), day
	o := &mail.Outbox{Store: b, Sender: s.SMTP(), Now: func() time.Time { return now }}
	s.Fail(func(at mailbox.Step, _ string) error {
		if at == mailbox.Kept {
			s.Close()
		}
		return nil
	})
	if err := sendTo(o, t.Context()); !errors.Is(err, mail.ErrUnknownFate) {
		t.Fatalf("%v", err)
	}
	other := box(t)
	o.Sender = other.SMTP()
	now = now.Add(11 * time.Minute)
	if err := sendTo(o, t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, append(other.Mails(), s.Mails()...), true, true)
}

func TestManyAtOnceSendOnce(t *testing.T) {
	s, b := box(t), bucket(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := sendTo(&mail.Outbox{Store: b, Sender: s.SMTP()}, t.Context()); err != nil && !errors.Is(err, mail.ErrBusy) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	check(t, s.Mails(), false, false)
}
