package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"google.golang.org/grpc"
	rbacv1 "k8s.io/api/rbac/v1"

	manifests "tiercel.dev/infra/kubernetes"
	"tiercel.dev/local/asset"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/iam"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/logging"
	"tiercel.dev/local/recommender"
	"tiercel.dev/local/resourcemanager"
	"tiercel.dev/local/sample"
)

// SampleProject is whose the simulated clusters are.
const SampleProject = "sample"

// The simulation begins so long ago and goes in steps of an hour until it has caught up with the world, so that somebody who
// watches sees a rotation of days. It is never ahead, since findings must not be of times to come.
const (
	simulatedSince = 21 * 24 * time.Hour
	simulatedStep  = time.Hour
)

// A simulation is the clusters of package sample, and what Google says of them, at addresses of their own.
type simulation struct {
	clock   *clock.Clock
	gke     *gke.Server
	grpc    *grpc.Server
	address string
	roots   []byte // who vouches for the clusters' APIs, PEM
	stops   []func() error
}

// now is the simulation's time.
func (s *simulation) now() time.Time { return s.clock.Now() }

// pass has time pass in the simulation.
func (s *simulation) pass() { s.clock.Advance(min(simulatedStep, time.Since(s.clock.Now()))) }

// simulate serves the fleet. token is the one by which the functions ask clusters' APIs.
func simulate(token string) (s *simulation, err error) {
	begin := time.Now().Add(-simulatedSince).Truncate(time.Hour)
	s = &simulation{clock: clock.New(begin), grpc: grpc.NewServer()}
	begun := s
	defer func() {
		if err != nil { // s is nil then
			err = errors.Join(err, begun.close())
		}
	}()
	// Who reads audit logs sees what GKE has done by itself until then.
	logs := logging.New(logging.Config{Permissions: fleetMay, Before: func(context.Context, string, string) error {
		s.gke.CatchUp()
		return nil
	}})
	s.gke = gke.New(gke.Config{Permissions: fleetMay, Audit: logs.Write, Releases: sample.Releases(begin), Now: s.now})
	may, err := manifests.AuditRules()
	if err != nil {
		return nil, err
	}
	roots, stop, err := sample.Serve(s.gke, SampleProject, kube.Config{
		Users: map[string]string{token: auditor}, Rules: map[string][]rbacv1.PolicyRule{auditor: may}, Now: s.now,
	}, begin)
	if err != nil {
		return nil, err
	}
	s.roots, s.stops = roots, append(s.stops, stop)
	if err := sample.Asked(s.gke, SampleProject); err != nil {
		return nil, err
	}
	gate := caller.Gate{Permissions: fleetMay}
	directory := iam.NewDirectory()
	sample.Access(directory, SampleProject, begin)
	insights := recommender.New(gate)
	if err := sample.Insights(insights, SampleProject, begin); err != nil {
		return nil, err
	}
	fleet, err := sample.Fleet(SampleProject, begin)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, c := range fleet {
		names = append(names, fmt.Sprintf("projects/%s/locations/%s/clusters/%s", SampleProject, c.Location, c.Name))
	}
	clusters := func() []string { return names }
	for _, service := range []interface{ Register(*grpc.Server) }{
		s.gke, logs, insights, iam.New(gate, directory), resourcemanager.New(gate, directory), asset.New(gate, directory, clusters),
	} {
		service.Register(s.grpc)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.address = l.Addr().String()
	go s.grpc.Serve(l)
	s.stops = append(s.stops, func() error { s.grpc.Stop(); return nil })
	return s, nil
}

func (s *simulation) close() error {
	var errs []error
	for _, stop := range slices.Backward(s.stops) {
		errs = append(errs, stop())
	}
	return errors.Join(errs...)
}
