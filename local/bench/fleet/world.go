package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/functions"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
	"tiercel.dev/local"
	"tiercel.dev/local/asset"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/recommender"
	"tiercel.dev/local/resourcemanager"
	"tiercel.dev/local/sample"
	localscc "tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const source = "organizations/1/sources/2"

// folder is where the projects are.
const folder = "folders/12"

// A world is the fleet and the services around it. Its clock stands, but for the minutes in which the quota for findings comes back.
type world struct {
	settings settings
	counts   counter
	clock    *clock.Clock
	gke      *gke.Server
	bucket   *objects.Bucket
	findings *scc.Writer
	reach    functions.Endpoints
	mendable []mendable
	names    []string // of the clusters
	stops    []func()
}

// mendable is a cluster with what may be mended in it.
type mendable struct {
	project string
	cluster *containerpb.Cluster
}

func (w *world) close() {
	for _, stop := range w.stops {
		stop()
	}
}

func newWorld(ctx context.Context, s settings) (*world, error) {
	w := &world{settings: s, clock: clock.New(time.Now())}
	now := w.clock.Now()
	w.gke = gke.New(gke.Config{Now: w.clock.Now, Before: w.before("GKE")})
	directory := iam.NewDirectory()
	insights := recommender.New(caller.Gate{Before: w.before("Recommender")})
	findings := localscc.New(localscc.Config{Now: w.clock.Now, Fail: func(*sccpb.Finding) (error, bool) {
		w.counts.count("Security Command Center", "UpdateFinding")
		return nil, false
	}})
	if err := findings.AddSource(source, "Tiercel"); err != nil {
		return nil, err
	}
	g := grpc.NewServer()
	for _, service := range []interface{ Register(*grpc.Server) }{
		w.gke, findings, insights, iam.New(caller.Gate{Before: w.before("IAM")}, directory),
		resourcemanager.New(caller.Gate{Before: w.before("Resource Manager")}, directory),
		asset.New(caller.Gate{Before: w.before("Asset Inventory")}, directory, func() []string { return w.names }),
	} {
		service.Register(g)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go g.Serve(l)
	records := httptest.NewServer(w.counts.storage(storage.New()))
	w.stops = append(w.stops, g.Stop, records.Close)
	roots, err := w.populate(directory, now)
	if err != nil {
		return nil, err
	}
	dial := local.Reach(l.Addr().String())
	w.reach = functions.Endpoints{GKE: dial, Google: dial, SCC: dial,
		Kubernetes: functions.Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "worker"}), Roots: roots}}
	client, err := securitycenter.NewClient(ctx, dial...)
	if err != nil {
		return nil, err
	}
	w.findings = scc.NewWriter(client, source)
	w.bucket, err = objects.NewBucket(ctx, "records", option.WithEndpoint(records.URL+"/storage/v1/"), option.WithoutAuthentication())
	return w, err
}

func (w *world) before(service string) func(context.Context, string, string) error {
	return func(_ context.Context, method, _ string) error {
		w.counts.count(service, method)
		return nil
	}
}

// populate puts the clusters of the sample fleet into the projects, over and over under other names; those of one kind share one
// Kubernetes API.
func (w *world) populate(d *iam.Directory, now time.Time) (*x509.CertPool, error) {
	fleet, err := sample.Fleet("p0", now)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	addresses := make([]string, len(fleet))
	for i, c := range fleet {
		k := kube.New(kube.Config{Version: "v" + c.CurrentMasterVersion, Before: func(r *http.Request) error {
			w.counts.count("Kubernetes", r.Method)
			return nil
		}})
		for _, o := range c.Objects {
			if err := k.Put(o); err != nil {
				return nil, err
			}
		}
		address, ca, stop, err := kube.Serve(k)
		if err != nil {
			return nil, err
		}
		addresses[i] = address
		w.stops = append(w.stops, func() { _ = stop() })
		if !roots.AppendCertsFromPEM(ca) {
			return nil, errors.New("an authority that is none")
		}
	}
	for p := range w.settings.projects {
		sample.Access(d, fmt.Sprint("p", p), now)
	}
	for i := range w.settings.clusters {
		c := proto.CloneOf(fleet[i%len(fleet)].Cluster)
		c.Name = fmt.Sprintf("%s-%d", c.Name, i)
		if c.ControlPlaneEndpointsConfig == nil {
			c.ControlPlaneEndpointsConfig = new(containerpb.ControlPlaneEndpointsConfig)
		}
		c.ControlPlaneEndpointsConfig.DnsEndpointConfig = &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{
			Endpoint: addresses[i%len(fleet)], AllowExternalTraffic: proto.Bool(true),
		}
		project := fmt.Sprint("p", i%w.settings.projects)
		if err := w.gke.PutCluster(project, c); err != nil {
			return nil, err
		}
		w.mendable = append(w.mendable, mendable{project, c})
		w.names = append(w.names, "projects/"+project+"/locations/"+c.Location+"/clusters/"+c.Name)
	}
	return roots, nil
}

// mend puts one thing right, or wrong, in every tenth cluster.
func (w *world) mend() error {
	for i := 0; i < len(w.mendable); i += 10 {
		c := w.mendable[i].cluster
		on := c.GetSecretManagerConfig().GetEnabled()
		c.SecretManagerConfig = &containerpb.SecretManagerConfig{Enabled: proto.Bool(!on)}
		c.LegacyAbac = &containerpb.LegacyAbac{Enabled: !c.GetLegacyAbac().GetEnabled()}
		if err := w.gke.PutCluster(w.mendable[i].project, c); err != nil {
			return err
		}
	}
	return nil
}

var quiet = slog.New(slog.DiscardHandler)
