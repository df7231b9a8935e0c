package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"tiercel.dev/internal/fault"
)

// ErrUnknownFate means that a mail may have been accepted, and may not: the connection ended while the server had all of it.
// Sent again it may come twice.
var ErrUnknownFate = errors.New("nobody knows whether the mail was accepted")

// sendTimeout bounds a submission. It is much shorter than a claim ([claimFor]), so that none outlives it.
const sendTimeout = 2 * time.Minute

// SMTP submits mail to a server. https://www.rfc-editor.org/rfc/rfc6409
type SMTP struct {
	Host string
	Port int // 587 if it is zero: Google Cloud lets nothing out to port 25
	// Username and Password are sent after STARTTLS alone. A server that offers no STARTTLS, or none of the ways to
	// authenticate, is not used.
	Username, Password string
	Roots              *x509.CertPool // who vouches for the server; default the system's
}

// Send submits a mail. Errors: [fault.ErrPoison] if the server will have neither this mail nor one like it (5xx), ErrUnknownFate,
// or such as may pass; after all but ErrUnknownFate the mail was not accepted.
func (s SMTP) Send(ctx context.Context, m Message) error {
	out, err := m.message()
	if err != nil {
		return fault.Poison(fmt.Errorf("mail %s: %w", m.ID, err))
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	port := s.Port
	if port == 0 {
		port = 587
	}
	_, domain, _ := strings.Cut(m.From.Address, "@")
	client, err := gomail.NewClient(s.Host, gomail.WithPort(port), gomail.WithTLSPolicy(gomail.TLSMandatory),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}),
		gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.Username), gomail.WithPassword(s.Password),
		gomail.WithHELO(domain), // the host's own name is nobody's business
		gomail.WithTimeout(sendTimeout/4))
	if err != nil {
		return fmt.Errorf("mail server %s:%d: %w", s.Host, port, err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("mail server %s:%d: %w", s.Host, port, err)
	}
	// From here on the connection's deadline ends what hangs: go-mail heeds the context for dialling alone.
	defer client.Close()
	if err := client.Send(out); err != nil && !out.IsDelivered() {
		return fmt.Errorf("mail server %s:%d: mail %s to %s: %w", s.Host, port, m.ID, m.To.Address, judge(err))
	}
	return nil
}

// judge tells by an error of a submission what became of the mail.
func judge(err error) error {
	failed, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return err
	}
	switch code := failed.ErrorCode(); {
	case code >= 500:
		return fault.Poison(err)
	case code >= 400:
		return err
	case failed.Reason == gomail.ErrSMTPDataClose:
		return fmt.Errorf("%w: %w", ErrUnknownFate, err)
	}
	return err
}
