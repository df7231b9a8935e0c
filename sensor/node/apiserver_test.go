package node

import (
	"context"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func connect(l4 event.L4, asked, remote string, ret int64) *event.Event {
	ev := &event.Event{Kind: event.Connect, Ret: ret}
	ev.FD.L4 = l4
	ev.FD.Asked = netip.MustParseAddrPort(asked)
	ev.FD.Remote = netip.MustParseAddrPort(remote)
	return ev
}

func TestAPIServers(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "6443")
	var got []string
	s, err := newAPIServers([]string{"172.16.0.2", "[fd00::1]:443"}, func(all []string) { got = all })
	if err != nil {
		t.Fatal(err)
	}
	want := func(why string, all ...string) {
		t.Helper()
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", why, diff)
		}
	}
	want("settings and environment", "10.96.0.1", "172.16.0.2", "fd00::1")

	s.observe(connect(event.L4TCP, "10.96.0.1:53", "10.0.0.9:53", 0))
	s.observe(connect(event.L4UDP, "10.96.0.1:6443", "10.0.0.9:6443", 0))
	s.observe(connect(event.L4TCP, "10.96.0.1:6443", "10.0.0.9:6443", -int64(unix.EISCONN)))
	s.observe(connect(event.L4TCP, "8.8.8.8:6443", "10.0.0.9:6443", 0))
	want("none of these says what stands behind the service", "10.96.0.1", "172.16.0.2", "fd00::1")

	s.observe(connect(event.L4TCP, "10.96.0.1:6443", "10.0.0.2:443", -int64(unix.EINPROGRESS)))
	s.observe(connect(event.L4TCP, "10.96.0.1:6443", "[::ffff:10.0.0.3]:443", 0))
	want("endpoints", "10.0.0.2", "10.0.0.3", "10.96.0.1", "172.16.0.2", "fd00::1")

	s.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::ffff:10.96.0.7")}, nil
	}
	s.resolveOnce(t.Context())
	want("the name", "10.0.0.2", "10.0.0.3", "10.96.0.1", "10.96.0.7", "172.16.0.2", "fd00::1")
}

func TestAPIServersBound(t *testing.T) {
	var got []string
	s, err := newAPIServers([]string{"10.96.0.1"}, func(all []string) { got = all })
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		ev := connect(event.L4TCP, "10.96.0.1:443", "10.0.0.1:443", 0)
		ev.FD.Remote = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 443)
		s.observe(ev)
	}
	if len(got) != maxServers+1 {
		t.Errorf("%d addresses; what is learned is bounded by %d", len(got), maxServers)
	}
}

func TestAPIServersBadSetting(t *testing.T) {
	if _, err := newAPIServers([]string{"kubernetes:x"}, func([]string) {}); err == nil || err.Error() != `API server "kubernetes:x": want an address, or address:port` {
		t.Errorf("got %v", err)
	}
}
