package local

import (
	"context"
	"fmt"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"tiercel.dev/functions"
)

// How often the schedules call, in hours of the simulation.
const (
	checkClustersEvery = 8
	rotateEvery        = 2
	approveEvery       = 3
	reportEvery        = 3
)

// run is what happens to the fleet until ctx is done: schedules call, people approve, and between the first two runs of the checks
// somebody changes something for the better, and something for the worse.
func (f *estate) run(ctx context.Context) {
	c := f.cloud
	say := func(what string, err error) {
		if err != nil && ctx.Err() == nil {
			c.cfg.Log.WarnContext(ctx, "simulated clusters", "at", what, "err", err)
		}
	}
	check := func(ctx context.Context) error { return c.post(ctx, functions.BeginRun, "", f.now()) }
	hours := func(n time.Duration) time.Duration { return n * f.pace }
	c.beside.Go(func() { c.schedule(ctx, f.pace, f.step) })
	c.beside.Go(func() {
		c.schedule(ctx, hours(rotateEvery), func(ctx context.Context) error { return c.post(ctx, functions.RotateCredentials, "", time.Time{}) })
	})
	c.beside.Go(func() { c.schedule(ctx, hours(approveEvery), f.approve) })
	say("the first run", check(ctx))
	if !wait(ctx, hours(checkClustersEvery)) {
		return
	}
	say("changes", f.change(ctx))
	say("the second run", check(ctx))
	if !wait(ctx, hours(checkClustersEvery)) {
		return
	}
	say("a report", c.post(ctx, functions.SendReport, `{"demand": "first"}`, time.Time{}))
	c.beside.Go(func() {
		c.schedule(ctx, hours(reportEvery), func(ctx context.Context) error { return c.post(ctx, functions.SendReport, "", time.Time{}) })
	})
	c.schedule(ctx, hours(checkClustersEvery), check)
}

// How often a project's clusters are looked at, by the world's clock.
const (
	watchClustersEvery  = 15 * time.Minute
	watchRotationsEvery = time.Minute
	watchReportEvery    = 5 * time.Minute
)

// watch has a project's clusters looked at until ctx is done, and a report of the first look mailed.
func (f *estate) watch(ctx context.Context) {
	c := f.cloud
	check := func(ctx context.Context) error { return c.post(ctx, functions.BeginRun, "", time.Now()) }
	rotate := func(ctx context.Context) error { return c.post(ctx, functions.RotateCredentials, "", time.Time{}) }
	c.beside.Go(func() {
		if err := rotate(ctx); err != nil && ctx.Err() == nil {
			c.cfg.Log.WarnContext(ctx, "rotations", "err", err)
		}
		c.schedule(ctx, watchRotationsEvery, rotate)
	})
	c.beside.Go(func() {
		c.schedule(ctx, watchReportEvery, func(ctx context.Context) error { return c.post(ctx, functions.SendReport, "", time.Time{}) })
	})
	if err := check(ctx); err != nil && ctx.Err() == nil {
		c.cfg.Log.WarnContext(ctx, "clusters", "project", c.cfg.Project, "err", err)
	}
	c.schedule(ctx, watchClustersEvery, check)
}

// step has an hour pass, between what functions do.
func (f *estate) step(context.Context) error {
	f.works.Lock()
	defer f.works.Unlock()
	f.sim.pass()
	return nil
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// change is what dave does: legacy loses its old authorization, and anybody may reach shop's control plane.
func (f *estate) change(ctx context.Context) error {
	client, err := container.NewClusterManagerClient(ctx, append(Reach(f.sim.address), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(as(dave))))...)
	if err != nil {
		return err
	}
	defer client.Close()
	cluster := func(location, name string) string {
		return fmt.Sprintf("projects/%s/locations/%s/clusters/%s", SampleProject, location, name)
	}
	if _, err := client.SetLegacyAbac(ctx, &pb.SetLegacyAbacRequest{Name: cluster("us-central1-a", "legacy")}); err != nil {
		return err
	}
	yes, no := true, false
	_, err = client.UpdateCluster(ctx, &pb.UpdateClusterRequest{Name: cluster("europe-west1", "shop"), Update: &pb.ClusterUpdate{
		DesiredControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{IpEndpointsConfig: &pb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
			Enabled: &yes, EnablePublicEndpoint: &yes, AuthorizedNetworksConfig: &pb.MasterAuthorizedNetworksConfig{Enabled: no},
		}},
	}})
	return err
}
