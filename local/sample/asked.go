package sample

import (
	"fmt"

	"tiercel.dev/local/gke"
)

// Asked has somebody ask payments' API by the static token that it has, and its own scheduler, so that audit logs tell of both. g has
// the fleet.
func Asked(g *gke.Server, project string) error {
	cluster := fmt.Sprintf("projects/%s/locations/europe-west1/clusters/payments", project)
	for _, r := range []gke.Request{
		{Method: "io.k8s.core.v1.pods.list", Resource: "core/v1/pods", By: "system:kube-scheduler", Program: "kube-scheduler/v1.33.4", Read: true},
		{
			Method: "io.k8s.core.v1.configmaps.patch", Resource: "core/v1/namespaces/cards/configmaps/rates", By: "system:serviceaccount:cards:settlement",
			Token: "settlement-token", Address: "203.0.113.40", Program: "settlement-batch/3.2",
		},
	} {
		if err := g.Asked(cluster, r); err != nil {
			return err
		}
	}
	return nil
}
