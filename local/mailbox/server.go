// Package mailbox is a mail server of one machine: it takes what is submitted on loopback over STARTTLS by whoever knows the
// password, as a company's does, and keeps it for a person to look at. Nothing leaves it. `tiercel up` and tests run it.
package mailbox

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"tiercel.dev/internal/mail"
	"tiercel.dev/local/certificate"
)

const (
	// maxMails bounds what is kept; the oldest go first. maxBytes is of one mail, as a company's server has it.
	maxMails = 200
	maxBytes = 10 << 20
)

// user is the only one.
const user = "tiercel"

// A Server keeps mails in memory.
type Server struct {
	smtp     *smtp.Server
	listener net.Listener
	password string
	roots    *x509.CertPool

	mu    sync.Mutex
	mails []*Mail // the oldest first
	last  int
	fail  func(Step, string) error
}

// A Step is a command of a submission, at which a server may refuse.
type Step string

const (
	Auth Step = "AUTH"
	From Step = "MAIL FROM"
	To   Step = "RCPT TO"
	Data Step = "DATA"     // before anything of the mail was read
	Kept Step = "accepted" // the mail is kept, and its sender was not told
)

// New listens on a free port of the loopback, with an authority of its own behind its certificate.
func New() (*Server, error) {
	pair, authority, err := certificate.Loopback()
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	s := &Server{listener: l, password: rand.Text(), roots: x509.NewCertPool()}
	s.roots.AppendCertsFromPEM(authority)
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	s.smtp.Domain, s.smtp.MaxMessageBytes, s.smtp.MaxRecipients = "localhost", maxBytes, 100
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.smtp.ErrorLog = quiet{}
	go s.smtp.Serve(l)
	return s, nil
}

// quiet drops what the library says of connections that end.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Close ends it.
func (s *Server) Close() error { return s.smtp.Close() }

// SMTP is how the server is reached.
func (s *Server) SMTP() mail.SMTP {
	_, port, _ := net.SplitHostPort(s.listener.Addr().String())
	n, _ := strconv.Atoi(port)
	return mail.SMTP{Host: "localhost", Port: n, Username: user, Password: s.password, Roots: s.roots}
}

// Fail has steps answered with an error of f's choice, a [*smtp.SMTPError] for the server's words; nil lets one pass. The text is
// the address. nil ends it.
func (s *Server) Fail(f func(step Step, text string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *Server) at(step Step, text string) error {
	s.mu.Lock()
	f := s.fail
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(step, text)
}

// Mails are those that are kept, the newest first.
func (s *Server) Mails() []*Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*Mail, 0, len(s.mails))
	for i := range s.mails {
		all = append(all, s.mails[len(s.mails)-1-i])
	}
	return all
}

func (s *Server) keep(m *Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	m.Number = s.last
	s.mails = append(s.mails, m)
	if len(s.mails) > maxMails {
		s.mails = s.mails[1:]
	}
}

// A session is one connection's.
type session struct {
	server *Server
	known  bool
	from   string
	to     []string
}

func (c *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(identity, username, password string) error {
		if err := c.server.at(Auth, username); err != nil {
			return err
		}
		if username != user || password != c.server.password {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}

func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return c.server.at(From, from)
}

func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.to = append(c.to, to)
	return c.server.at(To, to)
}

func (c *session) Data(r io.Reader) error {
	if err := c.server.at(Data, ""); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := Parse(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "not a mail: " + mail.Header(err.Error())}
	}
	m.Received, m.EnvelopeFrom, m.EnvelopeTo = time.Now().UTC(), c.from, c.to
	c.server.keep(m)
	return c.server.at(Kept, m.MessageID)
}

func (c *session) Reset()        { c.from, c.to = "", nil }
func (c *session) Logout() error { return nil }
