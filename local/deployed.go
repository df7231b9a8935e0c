package local

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc/codes"

	"tiercel.dev/functions"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/deployment"
	"tiercel.dev/local/pubsub"
)

// notCalled are the entry points that nothing here calls: no GKE here tells of upgrades, nobody leaks, and reports are seen to come.
var notCalled = []string{functions.TakeClusterNotice, functions.ProposeRotation, functions.CheckReport}

// Deployed is what of a deployment is here: the functions that something calls, with what calls them.
func Deployed() deployed.Deployment {
	d := deployed.Infra(Project)
	var names, topics []string
	d.Functions = slices.DeleteFunc(d.Functions, func(f deployed.Function) bool {
		if slices.Contains(notCalled, f.EntryPoint) {
			return true
		}
		names = append(names, f.Name)
		return false
	})
	d.Subscriptions = slices.DeleteFunc(d.Subscriptions, func(s deployed.Subscription) bool {
		// The one without a function that is not for the dead writes to BigQuery.
		if s.Function == "" && s.DeadLetter != "" || s.Function != "" && !slices.Contains(names, s.Function) {
			return true
		}
		topics = append(topics, s.Topic)
		return false
	})
	d.Topics = slices.DeleteFunc(d.Topics, func(t deployed.Topic) bool { return !slices.Contains(topics, t.Name) })
	return d
}

// openDeployment has Google's APIs say what is here.
func (c *Cloud) openDeployment(ctx context.Context) error {
	d := Deployed()
	writers := 0
	var members []string
	for _, f := range d.Functions {
		if f.Findings {
			writers++
			members = append(members, "serviceAccount:"+f.Account)
		}
	}
	c.deployment = deployment.New(deployment.Config{
		Project: Project, Location: Location, Deployed: d, Now: time.Now,
		// One process writes all findings, whatever the number of functions that it is.
		Settings: map[string]string{
			"TIERCEL_PROJECT": Project, "TIERCEL_BUCKET": Bucket, "TIERCEL_SCC_SOURCE": Source, "TIERCEL_SMTP": "127.0.0.1",
			"TIERCEL_MAX_INSTANCES": strconv.Itoa(writers),
		},
		URI:     func(entryPoint string) string { return functionsURL + "/" + entryPoint },
		Waiting: func() []pubsub.SubscriptionStats { return c.pubsub.Stats() },
	})
	_, err := c.scc.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{
		Resource: Source, Policy: &iampb.Policy{Version: 1, Bindings: []*iampb.Binding{{Role: "roles/securitycenter.findingsEditor", Members: members}}},
	})
	return err
}

// called notes what came of a schedule's call, as Cloud Scheduler does.
func (c *Cloud) called(function string, answer *http.Response, err error) {
	result := codes.OK
	switch {
	case err != nil:
		result = codes.Unavailable
	case answer.StatusCode >= http.StatusBadRequest:
		result = codes.Internal
	}
	c.deployment.Called(function, time.Now(), result)
}

// byGRPC reports whether a request is one of gRPC's.
func byGRPC(r *http.Request) bool {
	return r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
}
