package node

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameserver has this process ask a server of the test's own, which knows one name.
func nameserver(t *testing.T, name string, address netip.Addr) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		server.Close()
	})
	go func() {
		query := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(query)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(query[:n]); err != nil || len(m.Questions) != 1 {
				continue
			}
			if text, err := answer(m, name+".", address).Pack(); err == nil {
				_, _ = server.WriteTo(text, from) // who does not get it asks again
			}
		}
	}()
}

func answer(m dnsmessage.Message, name string, address netip.Addr) *dnsmessage.Message {
	asked := m.Questions[0]
	m.Header.Response = true
	m.Additionals = nil
	switch {
	case asked.Name.String() != name:
		m.Header.RCode = dnsmessage.RCodeNameError
	case asked.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: address.As4()},
		}}
	}
	return &m
}
