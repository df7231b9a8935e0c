package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"

	functions "cloud.google.com/go/functions/apiv2"
	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	resourcemanager "cloud.google.com/go/resourcemanager/apiv3"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	"google.golang.org/api/artifactregistry/v1"
	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/api/monitoring/v3"
	"google.golang.org/api/option"
	"google.golang.org/api/secretmanager/v1"
	"google.golang.org/api/serviceusage/v1"
)

// Endpoints say how services are reached; nothing for Google's own.
type Endpoints struct {
	GRPC []option.ClientOption // Functions, Pub/Sub, Resource Manager, Security Command Center
	REST []option.ClientOption // the others, but for Cloud Storage
	// Storage reaches the records.
	Storage []option.ClientOption
}

// Cloud are clients of all that is asked.
type Cloud struct {
	endpoints     Endpoints
	deployments   *functions.FunctionClient
	topics        *pubsub.TopicAdminClient
	subscriptions *pubsub.SubscriptionAdminClient
	projects      *resourcemanager.ProjectsClient
	source        *securitycenter.Client
	schedules     *cloudscheduler.Service
	series        *monitoring.Service
	secrets       *secretmanager.Service
	images        *artifactregistry.Service
	services      *serviceusage.Service
	clients       []io.Closer
}

// NewCloud makes clients, and no request.
func NewCloud(ctx context.Context, e Endpoints) (*Cloud, error) {
	c := &Cloud{endpoints: e}
	errs := make([]error, 10)
	c.deployments, errs[0] = grpcClient(ctx, c, functions.NewFunctionClient)
	c.topics, errs[1] = grpcClient(ctx, c, pubsub.NewTopicAdminClient)
	c.subscriptions, errs[2] = grpcClient(ctx, c, pubsub.NewSubscriptionAdminClient)
	c.projects, errs[3] = grpcClient(ctx, c, resourcemanager.NewProjectsClient)
	c.source, errs[4] = grpcClient(ctx, c, securitycenter.NewClient)
	c.schedules, errs[5] = cloudscheduler.NewService(ctx, e.REST...)
	c.series, errs[6] = monitoring.NewService(ctx, e.REST...)
	c.secrets, errs[7] = secretmanager.NewService(ctx, e.REST...)
	c.images, errs[8] = artifactregistry.NewService(ctx, e.REST...)
	c.services, errs[9] = serviceusage.NewService(ctx, e.REST...)
	for _, err := range errs {
		if err != nil { // one tells of all: they lack the same credentials
			return nil, errors.Join(fmt.Errorf("clients: %w", err), c.Close())
		}
	}
	return c, nil
}

func grpcClient[C io.Closer](ctx context.Context, c *Cloud, make func(context.Context, ...option.ClientOption) (C, error)) (C, error) {
	client, err := make(ctx, c.endpoints.GRPC...)
	if err == nil {
		c.clients = append(c.clients, client)
	}
	return client, err
}

// Close ends the clients.
func (c *Cloud) Close() error {
	var errs []error
	for _, client := range c.clients {
		errs = append(errs, client.Close())
	}
	return errors.Join(errs...)
}
