package node

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

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
	var ports []int64
	s, err := newAPIServers([]string{"172.16.0.2", "[fd00::1]:443"}, true, func(all []string, p []int64) { got, ports = all, p })
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
	s.observe(connect(event.L4TCP, "10.96.0.1:6443", "[::ffff:10.0.0.3]:8443", 0))
	if diff := cmp.Diff([]int64{443, 6443, 8443}, ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	want("endpoints", "10.0.0.2", "10.0.0.3", "10.96.0.1", "172.16.0.2", "fd00::1")

	s.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("::ffff:10.96.0.7")}, nil
	}
	s.resolveOnce(t.Context())
	want("the name", "10.0.0.2", "10.0.0.3", "10.96.0.1", "10.96.0.7", "172.16.0.2", "fd00::1")
}

// TestAPIServersBound: a program that has the sensor learn addresses pushes out what was not seen for long, and no more
// is kept than fits.
func TestAPIServersBound(t *testing.T) {
	var got []string
	s, err := newAPIServers([]string{"10.96.0.1"}, true, func(all []string, _ []int64) { got = all })
	if err != nil {
		t.Fatal(err)
	}
	learn := func(at time.Duration, remote string) {
		ev := connect(event.L4TCP, "10.96.0.1:443", remote, 0)
		ev.Time = int64(at)
		s.observe(ev)
	}
	for i := range 1000 {
		learn(time.Duration(i)*time.Second, fmt.Sprintf("10.1.%d.%d:443", i>>8, i&255))
		learn(time.Duration(i)*time.Second, "10.0.0.2:443") // a true endpoint is seen all the time
	}
	if len(got) != maxServers+1 || !slices.Contains(got, "10.0.0.2") {
		t.Errorf("%d addresses, the endpoint among them: %v; want %d", len(got), slices.Contains(got, "10.0.0.2"), maxServers+1)
	}
	learn(1000*time.Second+2*time.Hour, "10.0.0.3:443")
	if diff := cmp.Diff([]string{"10.0.0.3", "10.96.0.1"}, got); diff != "" {
		t.Errorf("two hours later (-want +got):\n%s", diff)
	}
}

func TestAPIServersBadSetting(t *testing.T) {
	if _, err := newAPIServers([]string{"kubernetes:x"}, true, func([]string, []int64) {}); err == nil || err.Error() != `API server "kubernetes:x": want an address, or address:port` {
		t.Errorf("got %v", err)
	}
}
