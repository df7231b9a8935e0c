package sample

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
)

// Serve puts the fleet into g, in a project, and serves each cluster's own API at its DNS endpoint until stop. cfg says who may do
// what there; its Before is not heeded. What roots is, in PEM, is to be trusted as what signs the endpoints' certificates.
func Serve(g *gke.Server, project string, cfg kube.Config, now time.Time) (roots []byte, stop func() error, err error) {
	var stops []func() error
	stop = func() (err error) {
		for _, s := range stops {
			err = errors.Join(err, s())
		}
		return err
	}
	fleet, err := Fleet(project, now)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range fleet {
		address, ca, end, err := serve(g, "projects/"+project+"/locations/"+c.Location+"/clusters/"+c.Name, c, cfg)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		stops, roots = append(stops, end), append(roots, ca...)
		if c.ControlPlaneEndpointsConfig.DnsEndpointConfig == nil {
			c.ControlPlaneEndpointsConfig.DnsEndpointConfig = new(pb.ControlPlaneEndpointsConfig_DNSEndpointConfig)
		}
		c.ControlPlaneEndpointsConfig.DnsEndpointConfig.Endpoint = address
		if err := g.PutCluster(project, c.Cluster); err != nil {
			return nil, nil, errors.Join(err, stop())
		}
	}
	return roots, stop, nil
}

// serve serves one cluster, with the nodes that it has at each moment.
func serve(g *gke.Server, name string, c Cluster, cfg kube.Config) (address string, ca []byte, stop func() error, err error) {
	var k *kube.Server
	var mu sync.Mutex
	var nodes []gke.Node
	cfg.Version = "v" + c.CurrentMasterVersion
	cfg.Before = func(*http.Request) (err error) {
		if !g.Reachable(name) {
			return apierrors.NewServiceUnavailable("the control plane is not there")
		}
		mu.Lock()
		defer mu.Unlock()
		nodes, err = showNodes(k, g, name, nodes)
		return err
	}
	k = kube.New(cfg)
	for _, o := range c.Objects {
		if err := k.Put(o); err != nil {
			return "", nil, nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	return kube.Serve(k)
}
