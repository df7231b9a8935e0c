package doctor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/functions/apiv2/functionspb"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/cloudscheduler/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/local/pubsub"
)

// change has a function be another than infra/ makes it.
func (w *world) change(name string, change func(*functionspb.Function)) {
	w.t.Helper()
	for _, f := range w.config.Expected.Functions {
		if f.Name == name {
			deployed := w.admin.Function(f)
			change(deployed)
			w.admin.Functions.Put(deployed)
			return
		}
	}
	w.t.Fatalf("there is no %s", name)
}

// replace has a subscription be another than infra/ makes it; nil takes it away.
func (w *world) replace(name string, change func(*pb.Subscription)) {
	w.t.Helper()
	full := "projects/" + testProject + "/subscriptions/" + name
	if _, err := w.pubsub.DeleteSubscription(w.t.Context(), &pb.DeleteSubscriptionRequest{Subscription: full}); err != nil {
		w.t.Fatal(err)
	}
	for _, s := range w.config.Expected.Subscriptions {
		if s.Name == name && change != nil {
			made := subscription(w.config.Expected, s)
			change(made)
			if _, err := w.pubsub.CreateSubscription(w.t.Context(), made); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// setting has all functions be told something else.
func (w *world) setting(name, value string) {
	w.settings[name] = value
	for _, f := range w.config.Expected.Functions {
		w.admin.Functions.Put(w.admin.Function(f))
	}
}

func (w *world) job(name string, change func(*cloudscheduler.Job)) {
	j := *w.admin.Jobs[name]
	change(&j)
	w.admin.Jobs[name] = &j
}

// Whatever is not as infra/ makes it is told by the one line that is about it, and what to do.
func TestNotWell(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*world)
		line  string // area, name, state
		seen  string
		do    string
	}{
		"failed": {func(w *world) {
			w.change("tiercel-route", func(f *functionspb.Function) {
				f.State = functionspb.Function_FAILED
				f.StateMessages = []*functionspb.StateMessage{{Severity: functionspb.StateMessage_ERROR, Type: "CloudRunServiceNotFound", Message: "it was deleted"}}
			})
		}, "functions tiercel-route FAIL", "it was deleted", "gcloud functions describe tiercel-route --region europe-west1 --project p-1"},
		"deploying": {func(w *world) {
			w.change("tiercel-route", func(f *functionspb.Function) { f.State = functionspb.Function_DEPLOYING })
		}, "functions tiercel-route WARN", "being deployed", "look again"},
		"another's account": {func(w *world) {
			w.change("tiercel-fleet", func(f *functionspb.Function) {
				f.ServiceConfig.ServiceAccountEmail = "11-compute@developer.gserviceaccount.com"
			})
		}, "functions tiercel-fleet FAIL", "runs as 11-compute@developer.gserviceaccount.com, not as its own account tiercel-fleet@p-1.iam.gserviceaccount.com", "deploy again"},
		"deprecated": {func(w *world) {
			w.admin.Functions.PutRuntime(&functionspb.ListRuntimesResponse_Runtime{Name: "go122", Stage: functionspb.ListRuntimesResponse_DEPRECATED, Warnings: []string{"until 2027"}})
			w.change("tiercel-flush", func(f *functionspb.Function) { f.BuildConfig.Runtime = "go122" })
		}, "functions tiercel-flush WARN", "go122 is deprecated; until 2027", "runtime"},
		"decommissioned": {func(w *world) {
			w.admin.Functions.PutRuntime(&functionspb.ListRuntimesResponse_Runtime{Name: "go119", Stage: functionspb.ListRuntimesResponse_DECOMMISSIONED})
			w.change("tiercel-flush", func(f *functionspb.Function) { f.BuildConfig.Runtime = "go119" })
		}, "functions tiercel-flush FAIL", "decommissioned", "runtime"},
		"more instances than the budget": {func(w *world) {
			w.change("tiercel-route", func(f *functionspb.Function) { f.ServiceConfig.MaxInstanceCount = 5 })
		}, "functions write budget FAIL", "divided by 8, and 12 instances may write", "deploy again"},
		"instances without a bound": {func(w *world) {
			w.change("tiercel-enrich", func(f *functionspb.Function) { f.ServiceConfig.MaxInstanceCount = 0 })
		}, "functions tiercel-enrich FAIL", "not bounded", "deploy again"},
		"half deployed": {func(w *world) {
			w.change("tiercel-enrich", func(f *functionspb.Function) {
				f.ServiceConfig.EnvironmentVariables = map[string]string{"TIERCEL_MAX_INSTANCES": "9"}
			})
		}, "functions write budget WARN", "do not agree", "deploy again"},
		"one too many": {func(w *world) {
			w.admin.Functions.Put(&functionspb.Function{Name: "projects/p-1/locations/europe-west1/functions/tiercel-old", State: functionspb.Function_ACTIVE})
		}, "functions tiercel-old WARN", "not of this version", "deploy again"},
		"an API off": {func(w *world) { w.admin.Services = w.admin.Services[1:] },
			"apis apis FAIL", "off: artifactregistry", "gcloud services enable artifactregistry.googleapis.com --project p-1"},
		"paused": {func(w *world) { w.job("tiercel-fleet", func(j *cloudscheduler.Job) { j.State = "PAUSED" }) },
			"schedules tiercel-fleet FAIL", "paused", "gcloud scheduler jobs resume tiercel-fleet --location europe-west1 --project p-1"},
		"no schedule": {func(w *world) { delete(w.admin.Jobs, "tiercel-rotate") }, "schedules tiercel-rotate FAIL", "no schedule", "deploy again"},
		"a call that failed": {func(w *world) { w.admin.Called("CheckFleet", now, codes.PermissionDenied) },
			"schedules tiercel-fleet WARN", "PermissionDenied", "gcloud functions logs read tiercel-fleet --region europe-west1 --project p-1"},
		"called as another": {func(w *world) {
			w.job("tiercel-flush", func(j *cloudscheduler.Job) {
				target := *j.HttpTarget
				target.OidcToken = &cloudscheduler.OidcToken{ServiceAccountEmail: "somebody@p-1.iam.gserviceaccount.com"}
				j.HttpTarget = &target
			})
		}, "schedules tiercel-flush FAIL", "does not call as tiercel-invoke@p-1", "deploy again"},
		"no subscription": {func(w *world) { w.replace("tiercel-route", nil) }, "subscriptions tiercel-route FAIL", "not there", "deploy again"},
		"pushed elsewhere": {func(w *world) {
			w.replace("tiercel-route", func(s *pb.Subscription) { s.PushConfig.PushEndpoint = "https://evil.example.com" })
		}, "subscriptions tiercel-route FAIL", "pushes to https://evil.example.com, and the function is at https://routealert.run.app", "deploy again"},
		"pushed as another": {func(w *world) {
			w.replace("tiercel-route", func(s *pb.Subscription) {
				s.PushConfig.GetOidcToken().ServiceAccountEmail = "x@p-1.iam.gserviceaccount.com"
			})
		}, "subscriptions tiercel-route FAIL", `pushes as "x@p-1`, "deploy again"},
		"for another audience": {func(w *world) {
			w.replace("tiercel-route", func(s *pb.Subscription) { s.PushConfig.GetOidcToken().Audience = "https://other" })
		}, "subscriptions tiercel-route FAIL", "its token is for https://other", "deploy again"},
		"another filter": {func(w *world) {
			w.replace("tiercel-heartbeats", func(s *pb.Subscription) { s.Filter = "" })
		}, "subscriptions tiercel-heartbeats FAIL", `its filter is ""`, "a filter never changes"},
		"no back-off": {func(w *world) { w.replace("tiercel-route", func(s *pb.Subscription) { s.RetryPolicy = nil }) },
			"subscriptions tiercel-route FAIL", "no back-off", "deploy again"},
		"no dead letters": {func(w *world) { w.replace("tiercel-route", func(s *pb.Subscription) { s.DeadLetterPolicy = nil }) },
			"subscriptions tiercel-route FAIL", "its dead letters go to", "deploy again"},
		"forgetful": {func(w *world) {
			w.replace("tiercel-route", func(s *pb.Subscription) { s.MessageRetentionDuration = durationpb.New(24 * time.Hour) })
		}, "subscriptions tiercel-route WARN", "for 1 days, not 7 days", "deploy again"},
		"deletes itself": {func(w *world) {
			w.replace("tiercel-archive", func(s *pb.Subscription) { s.ExpirationPolicy.Ttl = durationpb.New(31 * 24 * time.Hour) })
		}, "subscriptions tiercel-archive WARN", "deletes itself", "deploy again"},
		"nobody may take dead letters out": {func(w *world) {
			w.admin.Grant("projects/p-1/subscriptions/tiercel-route", "roles/pubsub.viewer", w.admin.Agent())
		}, "subscriptions tiercel-route FAIL", "may not take messages out", "gcloud pubsub subscriptions add-iam-policy-binding tiercel-route --member serviceAccount:service-"},
		"nobody may publish dead letters": {func(w *world) {
			w.admin.Grant("projects/p-1/topics/tiercel-dead-letter", "roles/pubsub.publisher", "user:a@example.com")
		}, "topics tiercel-dead-letter (grant) FAIL", "may not publish there", "gcloud pubsub topics add-iam-policy-binding tiercel-dead-letter --member serviceAccount:service-"},
		"old messages": {func(w *world) {
			w.waiting["tiercel-route"] = pubsub.SubscriptionStats{Ready: 7, OldestAge: 20 * time.Minute}
		},
			"subscriptions tiercel-route WARN", "7 wait, the oldest for 20m0s", "docs/playbooks/backlog.md"},
		"very old messages": {func(w *world) {
			w.waiting["tiercel-route"] = pubsub.SubscriptionStats{Ready: 7, OldestAge: 2 * time.Hour}
		},
			"subscriptions tiercel-route FAIL", "7 wait, the oldest for 2h0m0s", "docs/playbooks/backlog.md"},
		"dead letters": {func(w *world) { w.waiting["tiercel-dead-letter"] = pubsub.SubscriptionStats{Ready: 3} },
			"subscriptions tiercel-dead-letter WARN", "3 wait for somebody", "tiercel dead-letter list --project p-1 --subscription tiercel-dead-letter"},
		"no secret's version": {func(w *world) { w.admin.Secrets["tiercel-smtp-password"] = 0 },
			"secrets tiercel-smtp-password FAIL", "cannot start", "gcloud secrets versions add tiercel-smtp-password --project p-1 --data-file=-"},
		"no image": {func(w *world) { w.admin.Images = nil }, "images sensor WARN", "no image", "deploy again"},
		"no right to write findings": {func(w *world) { w.writers(func(f deployed.Function) bool { return f.Name != "tiercel-rotate" }) },
			"findings writers FAIL", "tiercel-rotate may not write findings", "tofu -chdir=infra/scc-source apply -var organization=1 -var 'writers=[\"serviceAccount:"},
		"no source": {func(w *world) { w.setting("TIERCEL_SCC_SOURCE", "organizations/1/sources/9") }, "findings organizations/1/sources/9 FAIL", "not there", "infra/scc-source"},
		"nobody looks at the fleet": {func(w *world) { w.fleet(func(s *fleet.Status) { s.Checked = now.Add(-time.Hour) }) },
			"sensors fleet check FAIL", "nobody looks after the fleet any more; 1h0m0s ago", "gcloud functions logs read tiercel-fleet"},
		"a silent node": {func(w *world) {
			w.fleet(func(s *fleet.Status) {
				s.Clusters[0].Well = 2
				s.Lines = []*fleet.Line{{Problem: fleet.Problem{Kind: fleet.Missing, Project: testProject, Location: testRegion, Cluster: "shop", Node: "n-2", Detail: "no heartbeat ever came"}}}
			})
		}, "sensors p-1/europe-west1/shop FAIL", "sensor missing: n-2 (no heartbeat ever came); 2 of 3 nodes well", "docs/playbooks/tiercel_sensor_missing.md"},
		"a loss": {func(w *world) {
			w.fleet(func(s *fleet.Status) {
				s.Lines = []*fleet.Line{{Problem: fleet.Problem{Kind: fleet.Losing, Project: testProject, Location: testRegion, Cluster: "shop", Node: "n-2"}}}
			})
		}, "sensors p-1/europe-west1/shop WARN", "sensor losing: n-2", "docs/playbooks/tiercel_sensor_losing.md"},
		"an unreadable cluster": {func(w *world) {
			w.fleet(func(s *fleet.Status) {
				s.Clusters[0] = fleet.ClusterLine{Project: testProject, Location: testRegion, Name: "shop", Unknown: "forbidden"}
			})
		}, "sensors p-1/europe-west1/shop UNKNOWN", "could not be listed: forbidden", "docs/playbooks/tiercel_cluster_unreadable.md"},
		"forged heartbeats": {func(w *world) {
			w.fleet(func(s *fleet.Status) {
				s.Unverified = fleet.Unverified{Count: 1, At: now.Add(-time.Minute), Why: "no such node"}
			})
		}, "sensors fleet check WARN", "nobody could verify: no such node", "docs/playbooks"},
		"a run without a cluster": {func(w *world) { w.run(now.Add(-5*time.Hour), nil, shop) },
			"records hardening run FAIL", "1 clusters have no record: projects/p-1/locations/europe-west1/clusters/shop", "gcloud functions logs read tiercel-harden"},
		"a run under way": {func(w *world) { w.run(now.Add(-5*time.Minute), nil, shop) }, "records hardening run WARN", "1 clusters have no record yet", "look again"},
		"a run with a gap": {func(w *world) {
			w.run(now.Add(-5*time.Hour), []posture.Gap{{Part: "clusters", Error: "folders/7: denied"}})
		}, "records hardening run WARN", "clusters: folders/7: denied", "tiercel-begin"},
		"an old report": {func(w *world) { w.text("report/settings.yaml", strings.Replace(weekly, "Monday", "Tuesday", 1)) },
			"records report FAIL", "2026-11-24 07:00 UTC was not sent", "gcloud functions logs read tiercel-report"},
		"no policy of rotations": {func(w *world) { w.setting("TIERCEL_ROTATION_POLICY", "rotate/policy.yaml") },
			"records policies WARN", "rotate/policy.yaml, which TIERCEL_ROTATION_POLICY names, is not there", "gs://p-1-tiercel-records/rotate/policy.yaml"},
		"no policy of upgrades": {func(w *world) {
			w.setting("TIERCEL_UPGRADE_POLICY", "upgrade/policy.yaml")
			w.text("rotate/policy.yaml", "mode: off")
			w.setting("TIERCEL_ROTATION_POLICY", "rotate/policy.yaml")
		}, "records policies WARN", "upgrade/policy.yaml, which TIERCEL_UPGRADE_POLICY names, is not there", "take the setting away"},
		"a rotation that waits":   {func(w *world) { w.rotation(rotate.Ready) }, "records rotations WARN", "1 of 1 wait for a person: shop READY", "tiercel rotation status --bucket p-1-tiercel-records"},
		"an authority that ended": {func(w *world) { w.rotation(rotate.Expired) }, "records rotations FAIL", "shop EXPIRED", "tiercel rotation status"},
	} {
		t.Run(name, func(t *testing.T) {
			w := well(t)
			c.spoil(w)
			found := false
			for _, l := range w.examine().Lines {
				if fmt.Sprintf("%s %s %s", l.Area, l.Name, l.State) == c.line {
					found = true
					if !strings.Contains(l.Seen, c.seen) || !strings.Contains(l.Do, c.do) {
						t.Errorf("seen %q, do %q", l.Seen, l.Do)
					}
				} else if l.State != OK && name != "no source" && name != "nobody looks at the fleet" {
					t.Errorf("%+v", l)
				}
			}
			if !found {
				t.Errorf("no line %q", c.line)
			}
		})
	}
}

const weekly = "from: T <t@example.com>\nweekly: Monday 07:00 UTC\nnotices: [a@example.com]\nreports: [{name: all, to: [a@example.com]}]\n"

// run puts a newer run of the checks.
func (w *world) run(at time.Time, gaps []posture.Gap, clusters ...posture.Resource) {
	run := schedule.RunAt(at)
	w.put(schedule.Harden.Manifest(run), schedule.Manifest{Run: run, Work: schedule.Harden, Clusters: clusters, Gaps: gaps, Given: run.Time()})
}

func (w *world) rotation(s rotate.State) {
	w.put(rotate.Name(shop), map[string]any{"version": 1, "resource": shop, "state": s})
}
