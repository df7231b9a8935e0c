package sample

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/container/apiv1/containerpb"
	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/loopback"
)

var now = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// begin serves the fleet, and returns its clusters by name.
func begin(t *testing.T) (*gke.Server, map[string]Cluster) {
	t.Helper()
	s := gke.New(gke.Config{Now: clock.New(now).Now, Releases: Releases(now)})
	fleet, err := Fleet("demo", now)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Cluster{}
	for _, c := range fleet {
		if err := s.PutCluster("demo", c.Cluster); err != nil {
			t.Fatal(err)
		}
		byName[c.Name] = c
	}
	return s, byName
}

// The verdicts over what GKE says are what each cluster is there for.
func TestVerdicts(t *testing.T) {
	s, fleet := begin(t)
	client, err := container.NewClusterManagerClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	set, err := checks.Set()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]map[string]posture.Verdict{}
	for name, c := range fleet {
		r := posture.Resource{Project: "demo", Location: c.Location, Cluster: name}
		read, err := snapshot.GKE{Client: client}.Read(t.Context(), r, now)
		if err != nil {
			t.Fatal(err)
		}
		verdicts[name] = map[string]posture.Verdict{}
		for _, result := range harden.Assess(t.Context(), read, set, nil).Results {
			if was, ok := verdicts[name][result.Check]; !ok || was != posture.Fail {
				verdicts[name][result.Check] = result.Verdict
			}
			if name == "shop" && (result.Verdict == posture.Fail || result.Verdict == posture.Warn) && result.Resource.Kind == "" {
				t.Errorf("shop: %s is %s: %s", result.Check, result.Verdict, result.Reason)
			}
		}
	}
	for _, tt := range []struct {
		cluster, check string
		want           posture.Verdict
	}{
		{"legacy", "AUTH-ABAC", posture.Fail}, {"legacy", "NET-CPEXP", posture.Fail}, {"legacy", "AUTH-NODESA", posture.Fail}, {"legacy", "UPG-SKEW", posture.Fail},
		{"apps", "NODE-COS", posture.Managed}, {"payments", "CL-CA", posture.Fail}, {"payments", "AUTH-ABAC", posture.Pass},
	} {
		if got := verdicts[tt.cluster][tt.check]; got != tt.want {
			t.Errorf("%s: %s is %q, want %s", tt.cluster, tt.check, got, tt.want)
		}
	}
}

// Each cluster's own API is at the endpoint that GKE tells, has what stands in the files, and nodes that come and go.
func TestServes(t *testing.T) {
	at := clock.New(now)
	g := gke.New(gke.Config{Now: at.Now})
	roots, stop, err := Serve(g, "demo", kube.Config{Now: at.Now}, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	t.Cleanup(client.CloseIdleConnections)
	list, err := g.ListClusters(t.Context(), &containerpb.ListClustersRequest{Parent: "projects/demo/locations/-"})
	if err != nil {
		t.Fatal(err)
	}
	count := func(c *containerpb.Cluster, path string, into any) {
		t.Helper()
		r, err := httpGet(t, client, "https://"+c.ControlPlaneEndpointsConfig.DnsEndpointConfig.Endpoint+path)
		if err != nil || json.Unmarshal(r, into) != nil {
			t.Fatalf("%s: %s: %s, %v", c.Name, path, r, err)
		}
	}
	tokens := 0
	for _, c := range list.Clusters {
		var secrets corev1.SecretList
		count(c, "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io/service-account-token", &secrets)
		tokens += len(secrets.Items)
		var before, after corev1.NodeList
		count(c, "/api/v1/nodes", &before)
		if _, err := g.StartIPRotation(t.Context(), &containerpb.StartIPRotationRequest{Name: "projects/demo/locations/" + c.Location + "/clusters/" + c.Name}); err != nil {
			t.Fatal(err)
		}
		at.Advance(8 * day)
		count(c, "/api/v1/nodes", &after)
		if len(before.Items) == 0 || len(after.Items) != len(before.Items) || before.Items[0].Name == after.Items[0].Name {
			t.Errorf("%s: %d nodes, then %d, %s among them", c.Name, len(before.Items), len(after.Items), after.Items[0].Name)
		}
	}
	if tokens != 2 {
		t.Errorf("%d tokens that never end", tokens)
	}
}

func httpGet(t *testing.T, c *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer reader")
	answer, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}
