package local

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"tiercel.dev/functions"
	"tiercel.dev/functions/rotate"
)

// What a person sees of the simulated clusters: a score, a finding that comes and one that goes, a rotation through its states with
// two approvals, and mails.
func TestSampleIsLookedAfter(t *testing.T) {
	var mu sync.Mutex
	states := map[string]bool{} // of findings, each that they were in: at this pace one may be gone at the next look
	named := func(cluster, category string, state sccpb.Finding_State) string {
		return fmt.Sprintf("%s of /clusters/%s is %v", category, cluster, state)
	}
	c, err := Start(Config{Sample: true, pace: 150 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Changed: func(f *sccpb.Finding) {
		if f.FindingClass == sccpb.Finding_MISCONFIGURATION {
			mu.Lock()
			defer mu.Unlock()
			states[named(path.Base(f.ResourceName), f.Category, f.State)] = true
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	until := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(3 * time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not within three minutes", what)
			}
		}
	}
	finding := func(cluster, category string, state sccpb.Finding_State) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return states[named(cluster, category, state)]
		}
	}
	until("the clusters are told", func() bool {
		status, clusters := told(t, c)
		return status == http.StatusOK && slices.Equal(clusters, []string{"apps", "legacy", "payments", "shop"})
	})
	until("legacy's old authorization is a finding", finding("legacy", "LEGACY_AUTHORIZATION_ENABLED", sccpb.Finding_ACTIVE))
	until("and goes when it is switched off", finding("legacy", "LEGACY_AUTHORIZATION_ENABLED", sccpb.Finding_INACTIVE))
	seen := map[string]bool{}
	until("payments' credentials are rotated", func() bool {
		in, _, err := c.Posture(t.Context())
		if err != nil || in == nil {
			return false
		}
		for _, r := range in.Rotations {
			if r.Resource.Cluster == "payments" {
				seen[r.State] = true
				return r.State == string(rotate.Done)
			}
		}
		return false
	})
	if !seen[string(rotate.NodesRecreating)] { // which takes longest; others may pass between two looks
		t.Errorf("its nodes were not made anew: %v", seen)
	}
	until("a run of all clusters", func() bool { // the newest may just have begun
		in, _, err := c.Posture(t.Context())
		return err == nil && in != nil && len(in.Clusters) == 4
	})
	mails := map[string]bool{}
	for _, m := range c.Mails() {
		for _, part := range []string{"[GKE hardening]", "rotation of payments, DUE → APPROVED", "READY → COMPLETING"} {
			mails[part] = mails[part] || strings.Contains(m.Subject, part)
		}
	}
	for part, there := range mails {
		if !there {
			t.Errorf("no mail says %s", part)
		}
	}
	if len(mails) != 3 {
		t.Error("no mail was sent")
	}
}

// A simulated cluster may be said to be anywhere; nothing connects there.
func TestLoopbackAlone(t *testing.T) {
	for address, want := range map[string]bool{"192.0.2.1:443": false, "[2001:db8::1]:443": false, "127.0.0.1:1": true, "[::1]:1": true} {
		conn, err := loopback.DialContext(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
		}
		if is := !strings.Contains(err.Error(), errBeyond.Error()); is != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A project's clusters are read, and nothing is done to them.
func TestProjectIsWatched(t *testing.T) {
	sim, err := simulate("token")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.roots)
	google := append(Reach(sim.address), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(as(auditor))))
	c, err := Start(Config{Project: SampleProject, Log: slog.New(slog.DiscardHandler), google: functions.Endpoints{
		GKE: google, Google: google,
		Kubernetes: functions.Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}), Roots: roots, Dialer: loopback},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		in, _, err := c.Posture(t.Context())
		if err == nil && in != nil && len(in.Absent) == 0 && len(in.Clusters) == 4 && len(in.Rotations) == 4 && len(in.Upgrades) == 4 {
			for _, r := range in.Rotations {
				if r.Resource.Cluster == "payments" && (r.State != string(rotate.Due) || !strings.Contains(r.Next, "only advises")) {
					t.Errorf("%+v", r)
				}
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within two minutes: %v", err)
		}
	}
}
