package functions

import (
	"context"
	"crypto/x509"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/oauth2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/asset"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/loopback"
	"tiercel.dev/local/recommender"
	"tiercel.dev/local/resourcemanager"
	"tiercel.dev/local/sample"
)

// sky is a cluster with all that is said of it, and what of that is refused.
type sky struct {
	at    posture.Resource
	reach Endpoints

	mu      sync.Mutex
	asked   map[string]bool // calls, as "GKE GetCluster" or "Kubernetes pods"
	refused string
}

func (s *sky) refuse(call string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[call] = true
	return call == s.refused
}

// newSky gives the functions what they may do; nil lets them do everything.
func newSky(t *testing.T, kind int, may caller.Permissions) *sky {
	t.Helper()
	now := time.Now()
	s := &sky{asked: map[string]bool{}}
	before := func(service string) func(context.Context, string, string) error {
		return func(_ context.Context, method, name string) error {
			if s.refuse(service + " " + method) {
				return status.Errorf(codes.PermissionDenied, "no %s of %s", method, name)
			}
			return nil
		}
	}
	fleet, err := sample.Fleet("acme", now)
	if err != nil {
		t.Fatal(err)
	}
	c := fleet[kind]
	s.at = posture.Resource{Project: "acme", Location: c.Location, Cluster: c.Name}
	k := kube.New(kube.Config{Version: "v" + c.CurrentMasterVersion, Before: func(r *http.Request) error {
		if resource := path.Base(r.URL.Path); s.refuse("Kubernetes " + resource) {
			return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", nil)
		}
		return nil
	}})
	for _, o := range c.Objects {
		if err := k.Put(o); err != nil {
			t.Fatal(err)
		}
	}
	address, ca, stop, err := kube.Serve(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	if c.ControlPlaneEndpointsConfig == nil {
		c.ControlPlaneEndpointsConfig = new(pb.ControlPlaneEndpointsConfig)
	}
	c.ControlPlaneEndpointsConfig.DnsEndpointConfig = &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: address, AllowExternalTraffic: proto.Bool(true)}
	g := gke.New(gke.Config{Before: before("GKE"), Permissions: may, Releases: sample.Releases(now)})
	if err := g.PutCluster("acme", c.Cluster); err != nil {
		t.Fatal(err)
	}
	d := iam.NewDirectory()
	sample.Access(d, "acme", now)
	gate := func(service string) caller.Gate { return caller.Gate{Before: before(service), Permissions: may} }
	google := loopback.Serve(t, g, iam.New(gate("IAM"), d), resourcemanager.New(gate("Resource Manager"), d), recommender.New(gate("Recommender")),
		asset.New(gate("Asset Inventory"), d, func() []string { return []string{s.at.ClusterName()} }))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
	s.reach = Endpoints{GKE: google, Google: google, Kubernetes: Kubernetes{Token: token, Secrets: token, Roots: roots}}
	return s
}

// assess reads the cluster with one call refused, and judges.
func (s *sky) assess(t *testing.T, refused string) *posture.Cluster {
	t.Helper()
	s.mu.Lock()
	s.refused = refused
	s.mu.Unlock()
	r, err := NewReading(t.Context(), s.reach)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	now := time.Now()
	known, err := r.Read(t.Context(), s.at, now)
	if err != nil {
		known = snapshot.Unread(s.at, now, err)
	}
	set, err := checks.Set()
	if err != nil {
		t.Fatal(err)
	}
	return harden.Assess(t.Context(), known, set, nil)
}

// Each call that reading a cluster takes is refused in turn, as it is where its permission is missing. The record is incomplete
// then, nothing passes that did not pass before, and what failed fails or is UNKNOWN.
func TestOnePermissionMissing(t *testing.T) {
	for kind := range 4 {
		s := newSky(t, kind, nil)
		whole := map[string]posture.Result{}
		record := s.assess(t, "")
		if !record.Complete() {
			t.Fatalf("%s: with every permission the record is not complete: %v", s.at, record.Gaps)
		}
		for _, r := range record.Results {
			whole[r.ID] = r
		}
		calls := slices.Sorted(maps.Keys(s.asked))
		if len(calls) < 20 {
			t.Fatalf("%s: only %q is asked", s.at, calls)
		}
		for _, call := range calls {
			record := s.assess(t, call)
			if record.Complete() {
				t.Errorf("%s: without %s the record is complete", s.at, call)
			}
			seen, unread := map[string]bool{}, map[string]bool{}
			for _, r := range record.Results {
				seen[r.ID] = true
				was := whole[r.ID].Verdict
				switch {
				case r.Verdict == posture.Unknown:
					unread[r.Check] = true
				case r.Verdict == posture.Warn && was == posture.Fail: // it says that it may be worse
				case r.Verdict != was:
					t.Errorf("%s: without %s %s of %s is %s (%s), and was %q", s.at, call, r.Check, r.Resource, r.Verdict, r.Reason, was)
				}
			}
			for id, r := range whole {
				if !seen[id] && !unread[r.Check] && (r.Verdict == posture.Fail || r.Verdict == posture.Warn) {
					t.Errorf("%s: without %s the %s of %s of %s is gone", s.at, call, r.Verdict, r.Check, r.Resource)
				}
			}
		}
	}
}

// granted are the permissions that infra grants whoever checks hardening.
func granted(t *testing.T) (all []string) {
	t.Helper()
	for _, file := range []string{"harden.tf", "organization-reader/main.tf"} {
		text, err := os.ReadFile(filepath.Join("..", "infra", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^    "([a-zA-Z]+\.[a-zA-Z.]+)" += "`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
	}
	if len(all) < 30 {
		t.Fatalf("infra grants %q", all)
	}
	return all
}

// With the rights that infra grants, and nobody who may list secrets, a run is whole: what it does not know is withheld on
// purpose, passes nowhere, and is not what a run comes to that lacks a right.
func TestRightsOfInfraAreEnough(t *testing.T) {
	for kind := range 4 {
		s := newSky(t, kind, caller.Permissions{"": granted(t)})
		s.reach.Kubernetes.Secrets = nil
		record := s.assess(t, "")
		if !record.Complete() {
			t.Errorf("%s: %v", s.at, record.Gaps)
		}
		unknown := map[string]posture.Result{}
		for _, r := range record.Results {
			if r.Verdict == posture.Unknown {
				unknown[r.Check] = r
			}
		}
		// The one that was made with a certificate fails by what is not hidden.
		if r, is := unknown["AUTH-CERT"]; is == (s.at.Cluster == "legacy") || is && !strings.Contains(r.Reason, "container.clusters.getCredentials") {
			t.Errorf("%s: %+v", s.at, r)
		}
		for check, r := range unknown {
			if !r.Withheld || !slices.Contains([]string{"AUTH-CERT", "AUTH-BASIC", "SA-TOKENS", "ACCESS-BOTH"}, check) {
				t.Errorf("%s: %s is UNKNOWN: %s", s.at, check, r.Reason)
			}
		}
		if s.assess(t, "Resource Manager TestIamPermissions").Complete() {
			t.Errorf("%s: complete, and nobody found out whether certificates are hidden", s.at)
		}
	}
}
