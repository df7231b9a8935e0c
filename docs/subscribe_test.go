package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/docs/stand"
	"tiercel.dev/local/pubsub"
)

// A block of a page: what its fence says, and what stands in it.
type block struct{ info, text string }

func blocks(page string) (all []block) {
	open := false
	for line := range strings.Lines(page) {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			all, open = append(all, block{info: strings.TrimSpace(info)}), true
		case fence:
			open = false
		case open:
			all[len(all)-1].text += line
		}
	}
	return all
}

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the page on subscribers shows of programs, settings and queries is a piece of a file that is tested as a whole.
func TestSubscribePageShowsWhatIsTested(t *testing.T) {
	shown := map[string]int{}
	for _, b := range blocks(page(t, "subscribe.md")) {
		lang, path, _ := strings.Cut(b.info, " ")
		if lang == "console" {
			shown[lang]++
			continue // [TestCommands]
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("a block in %s: %v", lang, err)
		} else if !strings.Contains(string(text), b.text) {
			t.Errorf("%s does not hold, as the page shows:\n%s", path, b.text)
		}
		shown[filepath.Ext(path)]++
	}
	for _, kind := range []string{".go", ".mjs", ".tfvars", ".sql", "console"} {
		if shown[kind] == 0 {
			t.Errorf("no block of %s", kind)
		}
	}
}

// subscribe makes a subscription and returns what it takes of all samples, by number.
func subscribed(t *testing.T, s *stand.Stand, spec *pb.Subscription, samples []*alert.Alert) (taken int) {
	t.Helper()
	if _, err := s.Server.CreateSubscription(t.Context(), spec); err != nil {
		t.Errorf("%s: %v", spec.Filter, err)
		return 0
	}
	for _, a := range samples {
		s.Publish(a)
	}
	for _, st := range s.Server.Stats() {
		if st.Name == spec.Name {
			taken = st.Backlog()
		}
	}
	if err := s.Client.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: spec.Name}); err != nil {
		t.Fatal(err)
	}
	return taken
}

func samples(t *testing.T) []*alert.Alert {
	t.Helper()
	muted, critical := stand.Sample(t, "shell"), stand.Sample(t, "host_connect")
	muted.Enrichment = &alert.Enrichment{Policy: &alert.Policy{Name: "expected", Muted: true}}
	critical.Severity, critical.Rule.Name, critical.Container, critical.Pod = alert.Critical, "tiercel_sensor_missing", nil, nil
	return []*alert.Alert{stand.Sample(t, "shell"), stand.Sample(t, "heartbeat"), muted, critical}
}

// Each filter that the page names is one of Pub/Sub's, and takes some of the samples and not all of them.
func TestFilters(t *testing.T) {
	s := stand.New(t, pubsub.Config{})
	all, rows := samples(t), 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .*\\|$").FindAllStringSubmatch(page(t, "subscribe.md"), -1) {
		if !strings.Contains(m[1], "attributes") {
			continue
		}
		rows++
		spec := &pb.Subscription{Name: "projects/p/subscriptions/filter", Topic: stand.Topic, Filter: m[1]}
		if taken := subscribed(t, s, spec, all); taken == 0 || taken == len(all) {
			t.Errorf("%s takes %d of %d", m[1], taken, len(all))
		}
	}
	if rows < 8 {
		t.Errorf("%d filters found", rows)
	}
}

// setting is what a flag of `gcloud pubsub subscriptions create` sets.
// https://cloud.google.com/sdk/gcloud/reference/pubsub/subscriptions/create
func setting(t *testing.T, spec *pb.Subscription, flag, value string) {
	t.Helper()
	oidc := func() *pb.PushConfig_OidcToken {
		if spec.PushConfig.AuthenticationMethod == nil {
			spec.PushConfig.AuthenticationMethod = &pb.PushConfig_OidcToken_{OidcToken: new(pb.PushConfig_OidcToken)}
		}
		return spec.PushConfig.GetOidcToken()
	}
	during := func() *durationpb.Duration {
		if days, ok := strings.CutSuffix(value, "d"); ok {
			value = days + "h"
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Error(err)
			}
			return durationpb.New(24 * d)
		}
		d, err := time.ParseDuration(value)
		if err != nil {
			t.Error(err)
		}
		return durationpb.New(d)
	}
	number := func() int32 {
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Error(err)
		}
		return int32(n)
	}
	topic := func() string { return "projects/p/topics/" + value }
	switch flag {
	case "--project":
	case "--topic":
		spec.Topic = topic()
	case "--message-filter":
		spec.Filter = value
	case "--ack-deadline":
		spec.AckDeadlineSeconds = number()
	case "--message-retention-duration":
		spec.MessageRetentionDuration = during()
	case "--expiration-period":
		spec.ExpirationPolicy = &pb.ExpirationPolicy{Ttl: during()}
	case "--min-retry-delay":
		spec.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: during()}
	case "--max-retry-delay":
		spec.RetryPolicy.MaximumBackoff = during()
	case "--dead-letter-topic":
		spec.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: topic()}
	case "--max-delivery-attempts":
		spec.DeadLetterPolicy.MaxDeliveryAttempts = number()
	case "--push-endpoint":
		spec.PushConfig = &pb.PushConfig{PushEndpoint: value}
	case "--push-auth-service-account":
		oidc().ServiceAccountEmail = value
	case "--push-auth-token-audience":
		oidc().Audience = value
	case "--push-no-wrapper":
		spec.PushConfig.Wrapper = &pb.PushConfig_NoWrapper_{NoWrapper: new(pb.PushConfig_NoWrapper)}
	case "--push-no-wrapper-write-metadata":
		spec.PushConfig.GetNoWrapper().WriteMetadata = true
	default:
		t.Errorf("no flag %s is known", flag)
	}
}

var word = regexp.MustCompile(`'[^']*'|\S+`)

// gcloud is not to be had where tests run: what each command would ask Pub/Sub for is asked of the embedded one.
func TestCommands(t *testing.T) {
	s := stand.New(t, pubsub.Config{})
	s.Subscribe(&pb.Subscription{Name: "projects/p/subscriptions/tiercel-to-desk", Topic: stand.Topic})
	var created, sought int
	for _, b := range blocks(page(t, "subscribe.md")) {
		for line := range strings.Lines(b.text) {
			if b.info != "console" {
				break
			}
			words := word.FindAllString(line, -1)
			if len(words) < 6 || strings.Join(words[:4], " ") != "$ gcloud pubsub subscriptions" {
				t.Errorf("%q is not tried", line)
				continue
			}
			name := "projects/p/subscriptions/" + words[5]
			switch words[4] {
			case "create":
				created++
				spec := &pb.Subscription{Name: name}
				for n := 6; n < len(words); n++ {
					flag, value := words[n], ""
					if n+1 < len(words) && !strings.HasPrefix(words[n+1], "--") {
						n++
						value = strings.Trim(words[n], "'")
					}
					setting(t, spec, flag, value)
				}
				if taken := subscribed(t, s, spec, samples(t)); taken == 0 {
					t.Errorf("%s takes nothing", line)
				}
			case "seek":
				sought++
				at, err := time.Parse(time.RFC3339, words[len(words)-1])
				if err != nil || words[len(words)-2] != "--time" {
					t.Fatalf("%s: %v", line, err)
				}
				if _, err := s.Server.Seek(t.Context(), &pb.SeekRequest{Subscription: name, Target: &pb.SeekRequest_Time{Time: timestamppb.New(at)}}); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			default:
				t.Errorf("%q is not tried", line)
			}
		}
	}
	if created != 2 || sought != 1 {
		t.Errorf("%d subscriptions made, %d moved", created, sought)
	}
}
