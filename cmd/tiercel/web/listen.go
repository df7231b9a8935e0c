package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// ErrAddress means that an address cannot be listened on, by its text or by what it reaches.
var ErrAddress = errors.New("not an address to show the page on")

// Check reads an address for [Page.Serve]. One that other machines reach needs remote, since whoever connects sees all.
func Check(address string, remote bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrAddress, err)
	}
	if host == "localhost" || remote {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("%w: %q is reached from other machines, and the page asks nobody who they are", ErrAddress, address)
	}
	return nil
}

// Serve shows the page on l until ctx is done.
func (p *Page) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	p.Close()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return server.Close() // whoever does not read is left
	}
	return nil
}
