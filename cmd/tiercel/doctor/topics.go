package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	resourcemanagerpb "cloud.google.com/go/resourcemanager/apiv3/resourcemanagerpb"
	"google.golang.org/api/iterator"

	"tiercel.dev/internal/deployed"
)

func (p *patient) examineTopics(ctx context.Context) []Line {
	topics := make(map[string]*pb.Topic)
	list := p.topics.ListTopics(ctx, &pb.ListTopicsRequest{Project: "projects/" + p.Project})
	for {
		t, err := list.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			return []Line{p.unseen("topics", listTopics, err)}
		}
		topics[last(t.Name)] = t
	}
	var lines []Line
	for _, want := range p.Expected.Topics {
		lines = append(lines, judgeTopic(want, topics[want.Name]))
	}
	return append(lines, p.mayBury(ctx))
}

func judgeTopic(want deployed.Topic, t *pb.Topic) Line {
	if t == nil {
		return Line{Name: want.Name, State: Fail, Seen: "is not there", Do: redeploy}
	}
	l := Line{Name: want.Name, State: OK, Seen: "takes anything"}
	switch schema := last(t.GetSchemaSettings().GetSchema()); {
	case schema == want.Schema && schema != "":
		l.Seen = fmt.Sprintf("checks messages by %s, as %s", schema, t.GetSchemaSettings().GetEncoding())
	case schema != want.Schema:
		l.worse(Fail, fmt.Sprintf("its schema is %q, not %q", schema, want.Schema), redeploy)
	}
	if d := t.GetMessageRetentionDuration(); d != nil {
		l.Seen = join(l.Seen, "keeps messages for "+d.AsDuration().String())
	}
	if regions := t.GetMessageStoragePolicy().GetAllowedPersistenceRegions(); len(regions) > 0 {
		l.Seen = join(l.Seen, "in "+strings.Join(regions, ", "))
	}
	if t.GetState() == pb.Topic_INGESTION_RESOURCE_ERROR {
		l.worse(Fail, t.GetState().String(), redeploy)
	}
	return l
}

// agent is the account by which Pub/Sub acts in the project.
// https://cloud.google.com/pubsub/docs/handling-failures#grant_forwarding_permissions
func (p *patient) agent(ctx context.Context) (string, error) {
	project, err := p.projects.GetProject(ctx, &resourcemanagerpb.GetProjectRequest{Name: "projects/" + p.Project})
	if err != nil {
		return "", err
	}
	return "serviceAccount:service-" + last(project.Name) + "@gcp-sa-pubsub.iam.gserviceaccount.com", nil
}

const publishes, subscribes = "roles/pubsub.publisher", "roles/pubsub.subscriber"

// mayBury looks whether Pub/Sub may publish dead letters: without, it tries them again for ever, and says nothing.
func (p *patient) mayBury(ctx context.Context) Line {
	topic := p.deadLetters()
	l := Line{Name: topic + " (grant)", State: OK, Seen: "Pub/Sub itself may publish there"}
	agent, err := p.agent(ctx)
	if err != nil {
		return p.unseen(l.Name, getProject, err)
	}
	policy, err := p.topics.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: "projects/" + p.Project + "/topics/" + topic})
	switch {
	case missing(err):
		return Line{Name: l.Name, State: Fail, Seen: "there is no such topic", Do: redeploy}
	case err != nil:
		return p.unseen(l.Name, topicPolicy, err)
	case !holds(policy, publishes, agent):
		l.State, l.Seen = Fail, "Pub/Sub may not publish there, so what fails for long is never put aside"
		l.Do = fmt.Sprintf("gcloud pubsub topics add-iam-policy-binding %s --member %s --role %s --project %s", topic, agent, publishes, p.Project)
	}
	return l
}

// deadLetters is the topic of dead letters.
func (p *patient) deadLetters() string {
	for _, s := range p.Expected.Subscriptions {
		if s.DeadLetter != "" {
			return s.DeadLetter
		}
	}
	return ""
}

func holds(policy *iampb.Policy, role, member string) bool {
	return slices.ContainsFunc(policy.GetBindings(), func(b *iampb.Binding) bool { return b.Role == role && slices.Contains(b.Members, member) })
}

// last is the end of a resource's name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
