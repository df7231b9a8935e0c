package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"tiercel.dev/internal/gke"
)

// An endpoint is one way to a control plane.
type endpoint struct {
	host, port string
	roots      *x509.CertPool // nil for the system's
}

// endpointsOf lists the ways to a cluster, best first: the DNS endpoint needs no network of the cluster's and no authority of
// its own; the private address is reached only from where it is routed to, and the public one mostly from listed networks.
func endpointsOf(e gke.Endpoints, public *x509.CertPool) []endpoint {
	var all []endpoint
	add := func(address string, roots *x509.CertPool) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			host, port = address, "443"
		}
		all = append(all, endpoint{host, port, roots})
	}
	if e.DNS != "" {
		add(e.DNS, public)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(e.CA) {
		return all // an address without its authority could be anybody's
	}
	for _, address := range []string{e.Private, e.Public} {
		if address != "" {
			add(address, authority)
		}
	}
	return all
}

// A dialer connects to the first endpoint that answers, beginning with the one that did last.
type dialer struct {
	endpoints []endpoint
	net       net.Dialer
	timeout   time.Duration // of one with its handshake, so that others can still be tried within a request
	last      atomic.Int32
}

// dial takes no heed of the address: every request is for the one cluster.
func (d *dialer) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	var errs []error
	for i := range d.endpoints {
		n := (int(d.last.Load()) + i) % len(d.endpoints)
		conn, err := d.endpoints[n].dial(ctx, d.net, network, d.timeout)
		if err == nil {
			d.last.Store(int32(n))
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (e *endpoint) dial(ctx context.Context, by net.Dialer, network string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	d := tls.Dialer{NetDialer: &by, Config: &tls.Config{
		ServerName: e.host, RootCAs: e.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}}
	conn, err := d.DialContext(ctx, network, net.JoinHostPort(e.host, e.port))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", e.host, err)
	}
	return conn, nil
}
