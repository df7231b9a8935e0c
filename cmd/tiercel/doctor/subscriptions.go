package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/iam/apiv1/iampb"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"

	"tiercel.dev/internal/deployed"
)

// subscribers begin the names of the subscriptions that the setting subscribers makes.
const subscribers = "tiercel-to-"

func (p *patient) examineSubscriptions(ctx context.Context) []Line {
	there := make(map[string]*pb.Subscription)
	wanted := slices.DeleteFunc(slices.Clone(p.Expected.Subscriptions), func(s deployed.Subscription) bool { return !p.wanted(s.Needs) })
	list := p.subscriptions.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{Project: "projects/" + p.Project})
	for {
		s, err := list.Next()
		if err == iterator.Done {
			break
		}
		if err != nil {
			return []Line{p.unseen("subscriptions", listSubs, err)}
		}
		name := last(s.Name)
		there[name] = s
		if strings.HasPrefix(name, subscribers) {
			wanted = append(wanted, deployed.Subscription{
				Name: name, Topic: last(s.Topic), Filter: s.Filter, Account: s.GetPushConfig().GetOidcToken().GetServiceAccountEmail(),
				Retention: week, DeadLetter: p.deadLetters(),
			})
		}
	}
	agent, unknownAgent := p.agent(ctx)
	var lines []Line
	for _, want := range wanted {
		l := p.judgeSubscription(want, there[want.Name])
		if there[want.Name] != nil && want.DeadLetter != "" && unknownAgent == nil {
			p.mayTake(ctx, &l, agent)
		}
		lines = append(lines, l)
	}
	if unknownAgent != nil {
		lines = append(lines, p.unseen("dead letters (grants)", getProject, unknownAgent))
	}
	waiting, err := p.waiting(ctx)
	if err != nil {
		return append(lines, p.unseen("backlog", readSeries, err))
	}
	for i := range lines {
		if there[lines[i].Name] != nil {
			p.judgeWaiting(&lines[i], waiting[lines[i].Name], keeps(wanted, lines[i].Name))
		}
	}
	return lines
}

const week = 7 * 24 * 60 * 60

// keeps reports whether a subscription is there to keep what is dead.
func keeps(wanted []deployed.Subscription, name string) bool {
	return slices.ContainsFunc(wanted, func(s deployed.Subscription) bool { return s.Name == name && s.DeadLetter == "" })
}

func (p *patient) judgeSubscription(want deployed.Subscription, s *pb.Subscription) Line {
	if s == nil {
		return Line{Name: want.Name, State: Fail, Seen: "is not there", Do: redeploy}
	}
	l := Line{Name: want.Name, State: OK}
	if want.Function != "" {
		l.Seen = "pushes to " + want.Function
	}
	if s.GetState() == pb.Subscription_RESOURCE_ERROR || s.GetDetached() {
		l.worse(Fail, "it is broken: "+s.GetState().String(), redeploy)
	}
	if last(s.Topic) != want.Topic {
		l.worse(Fail, fmt.Sprintf("is of %s, not %s", last(s.Topic), want.Topic), redeploy)
	}
	if s.Filter != want.Filter {
		l.worse(Fail, fmt.Sprintf("its filter is %q, not %q", s.Filter, want.Filter), "delete it, and "+redeploy+": a filter never changes")
	}
	if ttl := s.GetExpirationPolicy().GetTtl(); ttl != nil && ttl.AsDuration() > 0 {
		l.worse(Warn, fmt.Sprintf("it deletes itself when nobody reads it for %s", ttl.AsDuration()), redeploy)
	}
	if keeps := s.GetMessageRetentionDuration().AsDuration(); keeps < time.Duration(want.Retention)*time.Second {
		l.worse(Warn, fmt.Sprintf("keeps messages for %s, not %s", days(keeps), days(time.Duration(want.Retention)*time.Second)), redeploy)
	}
	p.judgePush(&l, want, s)
	if want.DeadLetter == "" {
		return l
	}
	if dead := s.GetDeadLetterPolicy(); last(dead.GetDeadLetterTopic()) != want.DeadLetter {
		l.worse(Fail, fmt.Sprintf("its dead letters go to %q, not %s", last(dead.GetDeadLetterTopic()), want.DeadLetter), redeploy)
	} else {
		l.Seen = join(l.Seen, fmt.Sprintf("%d tries", dead.GetMaxDeliveryAttempts()))
	}
	if s.GetRetryPolicy() == nil {
		l.worse(Fail, "it has no back-off: what fails is tried again at once", redeploy)
	} else {
		r := s.GetRetryPolicy()
		l.Seen = join(l.Seen, fmt.Sprintf("back-off %s to %s", r.GetMinimumBackoff().AsDuration(), r.GetMaximumBackoff().AsDuration()))
	}
	return l
}

// judgePush looks where it pushes, and as whom.
func (p *patient) judgePush(l *Line, want deployed.Subscription, s *pb.Subscription) {
	push := s.GetPushConfig()
	endpoint, token := push.GetPushEndpoint(), push.GetOidcToken()
	if want.Function == "" {
		if endpoint != "" && token == nil {
			l.worse(Fail, "it pushes without a token, so whoever gets it cannot tell it from anybody's", redeploy)
		}
		return
	}
	f, known := p.functions[want.Function]
	uri := f.GetServiceConfig().GetUri()
	switch {
	case endpoint == "":
		l.worse(Fail, "it pushes nowhere", redeploy)
	case known && endpoint != uri:
		l.worse(Fail, fmt.Sprintf("it pushes to %s, and the function is at %s", endpoint, uri), redeploy)
	case token.GetServiceAccountEmail() != want.Account:
		l.worse(Fail, fmt.Sprintf("it pushes as %q, not as %s, the only account that may", token.GetServiceAccountEmail(), want.Account), redeploy)
	case token.GetAudience() != "" && token.GetAudience() != endpoint: // which is the default
		l.worse(Fail, fmt.Sprintf("its token is for %s, not for %s", token.GetAudience(), endpoint), redeploy)
	}
}

// mayTake looks whether Pub/Sub may take a message out, when it moves it to the dead letters.
func (p *patient) mayTake(ctx context.Context, l *Line, agent string) {
	policy, err := p.subscriptions.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: "projects/" + p.Project + "/subscriptions/" + l.Name})
	switch {
	case err != nil:
		u := p.unseen(l.Name, subPolicy, err)
		l.worse(Unknown, u.Seen, u.Do)
		l.Permission = u.Permission
	case !holds(policy, subscribes, agent):
		l.worse(Fail, "Pub/Sub may not take messages out, so what fails for long is never put aside",
			fmt.Sprintf("gcloud pubsub subscriptions add-iam-policy-binding %s --member %s --role %s --project %s", l.Name, agent, subscribes, p.Project))
	}
}

// Ages of the oldest message that waits: infra/alerts.tf tells of the first, and of the second nobody needs to be told.
const (
	oldAge  = 10 * time.Minute
	longAge = time.Hour
)

func (p *patient) judgeWaiting(l *Line, w waiting, kept bool) {
	switch {
	case !w.seen:
		l.worse(Unknown, "Monitoring has no figures of it yet", "look again in some minutes")
	case kept && w.messages > 0:
		l.worse(Warn, fmt.Sprintf("%d wait for somebody to look", w.messages),
			fmt.Sprintf("tiercel dead-letter list --project %s --subscription %s", p.Project, l.Name))
	case kept:
		l.Seen = join(l.Seen, "nothing is put aside")
	case w.age >= longAge:
		l.worse(Fail, fmt.Sprintf("%d wait, the oldest for %s", w.messages, w.age), "docs/playbooks/backlog.md")
	case w.age >= oldAge:
		l.worse(Warn, fmt.Sprintf("%d wait, the oldest for %s", w.messages, w.age), "docs/playbooks/backlog.md")
	default:
		l.Seen = join(l.Seen, fmt.Sprintf("%d wait", w.messages))
	}
}

// days is a time that is whole days, mostly.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
