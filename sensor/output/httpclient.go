package output

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
)

// setOption sets one of what [Parse] takes; values are escaped as in URLs.
func (c *HTTP) setOption(name, value string) (err error) {
	texts := map[string]*string{"user_agent": &c.UserAgent, "ca_cert": &c.CACert, "ca_bundle": &c.CABundle, "ca_path": &c.CAPath,
		"client_cert": &c.ClientCert, "client_key": &c.ClientKey}
	flags := map[string]*bool{"insecure": &c.Insecure, "echo": &c.Echo, "compress_uploads": &c.Compress, "keep_alive": &c.KeepAlive}
	switch {
	case texts[name] != nil:
		*texts[name], err = url.PathUnescape(value)
	case flags[name] != nil:
		*flags[name], err = parseBool(value)
	case name == "max_consecutive_timeouts":
		if c.MaxTimeouts, err = strconv.Atoi(value); err != nil {
			err = fmt.Errorf("%q: not a number", value)
		}
	}
	return err
}

// Validate names the first setting that cannot be used. It reads the files with certificates.
func (c HTTP) Validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "": // the error would show the URL
		return errors.New("url: not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("url: scheme %q: not http or https", u.Scheme)
	case (c.ClientCert == "") != (c.ClientKey == ""):
		return errors.New("client_cert and client_key belong together")
	case c.MaxTimeouts < 0:
		return fmt.Errorf("max_consecutive_timeouts %d: negative", c.MaxTimeouts)
	}
	_, err = c.tls()
	return err
}

// place is the URL without what may be secret in it: user, path and query.
func (c HTTP) place() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (c HTTP) client() (*http.Client, error) {
	config, err := c.tls()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: -1}
	if c.KeepAlive {
		dialer.KeepAlive = 0 // Go's default interval
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: config, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: 1,
		},
		// A POST that is sent on would become a GET.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (c HTTP) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: c.Insecure}
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	config.RootCAs = roots
	if c.ClientCert != "" {
		pair, err := c.pair()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func (c HTTP) pair() (tls.Certificate, error) {
	cert, err := readCertificates("client_cert", c.ClientCert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readCertificates("client_key", c.ClientKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("client_cert %s, client_key %s: %w", c.ClientCert, c.ClientKey, err)
	}
	return pair, nil
}

// roots are nil for the system's.
func (c HTTP) roots() (*x509.CertPool, error) {
	name, path := "ca_cert", c.CACert
	if path == "" {
		name, path = "ca_bundle", c.CABundle
	}
	if path == "" {
		return c.rootFolder()
	}
	b, err := readCertificates(name, path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("%s %s: no certificate in PEM", name, path)
	}
	return pool, nil
}

func (c HTTP) rootFolder() (*x509.CertPool, error) {
	if c.CAPath == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(c.CAPath)
	if err != nil {
		return nil, fmt.Errorf("ca_path: %w", err)
	}
	pool, found := x509.NewCertPool(), false
	for _, e := range entries {
		path := filepath.Join(c.CAPath, e.Name())
		if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
			continue // a folder, or a link to nothing, of which such folders have some
		}
		b, err := readCertificates("ca_path", path)
		if err != nil {
			return nil, err
		}
		found = pool.AppendCertsFromPEM(b) || found
	}
	if !found {
		return nil, fmt.Errorf("ca_path %s: no certificate in PEM", c.CAPath)
	}
	return pool, nil
}

// maxCertificates is the largest file of certificates that is read, in bytes: a bundle of all public ones has 200 KiB.
const maxCertificates = 4 << 20

func readCertificates(setting, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCertificates+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", setting, err)
	case len(b) > maxCertificates:
		return nil, fmt.Errorf("%s %s: more than %d bytes", setting, path, maxCertificates)
	}
	return b, nil
}
