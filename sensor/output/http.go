package output

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"tiercel.dev/alert"
)

// HTTP says how alerts are posted. The zero value of each field but URL is its default; names are those of Falco's
// http_output.
type HTTP struct {
	URL       string // http or https; user and password in it become basic authentication
	UserAgent string // "" for tiercel

	Insecure bool // the server's certificate is not checked
	// CACert and CABundle are files with the certificates that may vouch for the server's, CAPath a folder of such. The
	// first that is set counts; with none it is the system's.
	CACert, CABundle, CAPath string
	// ClientCert and ClientKey are files, for servers that ask who comes.
	ClientCert, ClientKey string

	Echo      bool // show what the server answers on standard error
	Compress  bool // send gzip
	KeepAlive bool // look after idle connections by TCP
	// MaxTimeouts is how often in a row sending one alert may time out before it is given up: once more than this. 0 never
	// gives up.
	MaxTimeouts int
}

// httpTimeout bounds one attempt, from the connection to the end of the answer.
const httpTimeout = 10 * time.Second

// maxAnswer is how much of a server's answer is read, in bytes: a connection is used again only when all was.
const maxAnswer = 64 << 10

// poster posts each alert by itself. The client is made anew after an error, so that certificates that were replaced
// on disk are read again.
type poster struct {
	cfg      HTTP
	format   Format
	echo     io.Writer
	timeout  time.Duration
	client   *http.Client
	timeouts int // in a row
}

// NewHTTP makes an Output that posts lines to a server, one in each request. What the server says is shown on echo if
// cfg.Echo asks for it.
func NewHTTP(cfg HTTP, format Format, echo io.Writer) Output {
	return &poster{cfg: cfg, format: format, echo: echo, timeout: httpTimeout}
}

func (p *poster) Write(ctx context.Context, a *alert.Alert) error {
	line, err := p.format.line(a, false)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	err = p.post(ctx, bytes.TrimSuffix(line, []byte{'\n'}))
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		p.timeouts = 0
	} else if p.timeouts++; p.cfg.MaxTimeouts > 0 && p.timeouts > p.cfg.MaxTimeouts {
		err = fmt.Errorf("%w: timed out %d times: %w", ErrAlert, p.timeouts, err)
		p.timeouts = 0
	}
	if err != nil {
		p.hangUp()
		return fmt.Errorf("http: %w", err)
	}
	return nil
}

func (p *poster) post(ctx context.Context, body []byte) error {
	if p.client == nil {
		client, err := p.cfg.client()
		if err != nil {
			return err
		}
		p.client = client
	}
	req, err := p.request(ctx, body)
	if err != nil {
		return withoutURL(err)
	}
	answer, err := p.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	if p.cfg.Echo {
		fmt.Fprintln(p.echo, alert.Escape(string(said)))
	}
	return judge(answer.StatusCode)
}

func (p *poster) request(ctx context.Context, body []byte) (*http.Request, error) {
	content := body
	if p.cfg.Compress {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(body); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		content = b.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.URL, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", p.format.contentType())
	req.Header.Set("User-Agent", "tiercel")
	if p.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", p.cfg.UserAgent)
	}
	if p.cfg.Compress {
		req.Header.Set("Content-Encoding", "gzip")
	}
	return req, nil
}

func (f Format) contentType() string {
	switch f.kind() {
	case Text, FalcoText:
		return "text/plain"
	default:
		return "application/json"
	}
}

// judge tells answers about the alert from those about the server or who asks it, which somebody may mend.
func judge(status int) error {
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnsupportedMediaType,
		status == http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", ErrAlert, statusError(status))
	default:
		return statusError(status)
	}
}

// statusError is an answer other than 2xx.
type statusError int

func (s statusError) Error() string {
	return fmt.Sprintf("the server answered %d %s", int(s), http.StatusText(int(s)))
}

// withoutURL takes the URL out of an error: it may hold a password or a token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// hangUp closes idle connections.
func (p *poster) hangUp() {
	if p.client != nil {
		p.client.CloseIdleConnections()
		p.client = nil
	}
}

func (p *poster) Close(context.Context) error {
	p.hangUp()
	return nil
}
