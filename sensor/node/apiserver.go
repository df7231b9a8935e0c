package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// apiServerName is the service's name in every cluster that keeps the default domain.
const apiServerName = "kubernetes.default.svc.cluster.local"

// The lists that rules compare with, as they name them.
const (
	addressList = "k8s_api_servers"
	portList    = "k8s_api_ports"
)

const (
	resolveEvery = time.Minute
	// maxServers bounds what is learned; GKE's regional control planes have three endpoints.
	maxServers = 64
	// forgetServer is how long (ns) an endpoint that no connect led to is remembered.
	forgetServer = int64(time.Hour)
)

// apiServers keeps the addresses by which the cluster's Kubernetes API server can be reached, for rules to compare with:
// those of the settings and of the environment, those that the service's name resolves to, and the endpoints behind
// them. The endpoints are told by the kernel: where socket load balancing is on (Dataplane V2), a connect that asked for
// the service's address leaves a socket whose peer is an endpoint. Where load balancing happens in the network (iptables),
// the sensor does not learn them, and who wants them watched names them in the settings. The address asked for is read
// from the program's memory, so a program can have any address learned; that makes noise, for an hour, and hides nothing.
type apiServers struct {
	changed func(addresses []string, ports []int64)
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)

	mu       sync.Mutex
	known    map[netip.Addr]bool // the service's own addresses
	ports    map[uint16]bool     // by which those are reached
	resolved map[netip.Addr]bool
	learned  map[netip.AddrPort]int64 // endpoints, and when each was last seen, ns since the epoch
}

// newAPIServers starts with the settings' addresses and, if asked to, those of the environment. changed is given the
// whole lists each time they change, and at once.
func newAPIServers(settings []string, environment bool, changed func(addresses []string, ports []int64)) (*apiServers, error) {
	s := &apiServers{
		changed: changed,
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
		known:    make(map[netip.Addr]bool),
		ports:    map[uint16]bool{443: true, 6443: true},
		resolved: make(map[netip.Addr]bool),
		learned:  make(map[netip.AddrPort]int64),
	}
	for _, text := range settings {
		if err := s.set(text); err != nil {
			return nil, fmt.Errorf("API server %q: %w", text, err)
		}
	}
	if host := os.Getenv("KUBERNETES_SERVICE_HOST"); environment && host != "" {
		if err := s.set(net.JoinHostPort(strings.Trim(host, "[]"), portOr443(os.Getenv("KUBERNETES_SERVICE_PORT")))); err != nil {
			return nil, fmt.Errorf("$KUBERNETES_SERVICE_HOST %q, $KUBERNETES_SERVICE_PORT %q: %w", host, os.Getenv("KUBERNETES_SERVICE_PORT"), err)
		}
	}
	s.tell()
	return s, nil
}

func portOr443(port string) string {
	if port == "" {
		return "443"
	}
	return port
}

// set takes "10.96.0.1", "10.96.0.1:443" or "[fd00::1]:443".
func (s *apiServers) set(text string) error {
	if addr, err := netip.ParseAddr(text); err == nil {
		s.known[addr.Unmap()] = true
		return nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil {
		return fmt.Errorf("want an address, or address:port")
	}
	s.known[at.Addr().Unmap()] = true
	s.ports[at.Port()] = true
	return nil
}

// observe learns an endpoint from a connect to the service's address that the kernel sent elsewhere. Only TCP, and only
// a connect that was taken: after a refused one the socket may still show an older peer.
func (s *apiServers) observe(ev *event.Event) {
	f := &ev.FD
	if f.L4 != event.L4TCP || ev.Ret != 0 && ev.Ret != -int64(unix.EINPROGRESS) || !f.Remote.IsValid() || f.Remote == f.Asked {
		return
	}
	asked := f.Asked.Addr().Unmap()
	remote := netip.AddrPortFrom(f.Remote.Addr().Unmap(), f.Remote.Port())
	s.mu.Lock()
	defer s.mu.Unlock()
	service := (s.known[asked] || s.resolved[asked]) && s.ports[f.Asked.Port()]
	if !service || asked == remote.Addr() {
		return
	}
	_, old := s.learned[remote]
	s.learned[remote] = ev.Time
	if old {
		return
	}
	s.forget(ev.Time)
	s.tell()
}

// forget makes room: endpoints not seen for long go, and the one not seen longest if there are too many still.
func (s *apiServers) forget(now int64) {
	var oldest netip.AddrPort
	for at, seen := range s.learned {
		if now-seen > forgetServer {
			delete(s.learned, at)
			continue
		}
		if !oldest.IsValid() || seen < s.learned[oldest] {
			oldest = at
		}
	}
	if len(s.learned) > maxServers {
		delete(s.learned, oldest)
	}
}

// resolve keeps asking for the service's name until ctx is done. Outside a cluster there is no such name, which is no
// error.
func (s *apiServers) resolve(ctx context.Context) {
	ticker := time.NewTicker(resolveEvery)
	defer ticker.Stop()
	for {
		s.resolveOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *apiServers) resolveOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addrs, err := s.lookup(ctx, apiServerName)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.resolved)
	for _, a := range addrs {
		if len(s.resolved) < maxServers {
			s.resolved[a.Unmap()] = true
		}
	}
	if len(s.resolved) != before {
		s.tell()
	}
}

// tell passes the lists on, sorted. s.mu is held, or s is not shared yet.
func (s *apiServers) tell() {
	var addresses []string
	var ports []int64
	for _, set := range []map[netip.Addr]bool{s.known, s.resolved} {
		for a := range set {
			addresses = append(addresses, a.String())
		}
	}
	for p := range s.ports {
		ports = append(ports, int64(p))
	}
	for at := range s.learned {
		addresses = append(addresses, at.Addr().String())
		ports = append(ports, int64(at.Port()))
	}
	slices.Sort(addresses)
	slices.Sort(ports)
	s.changed(slices.Compact(addresses), slices.Compact(ports))
}
