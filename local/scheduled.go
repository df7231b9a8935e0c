package local

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/functions"
	"tiercel.dev/functions/report"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/mailbox"
)

// What a deployment puts into the bucket of the records, by the names that its settings have.
const (
	rotationPolicy = deployed.RotationPolicy
	workTopic      = parent + "/topics/tiercel-work"
	approveURL     = functionsURL + "/" + functions.ApproveRotation
)

// sampleFiles let "payments" be rotated with two people's approvals, and say who gets mails and what is excepted.
var sampleFiles = map[string]string{
	rotationPolicy: `mode: guided
clusters: [payments]
approvers: [ana@example.com, ben@example.com]
two_people: true
due: {days: [180, 90, 45]}
`,
	report.SettingsName: `from: Tiercel <tiercel@example.com>
weekly: Monday 07:00 UTC
notices: [security@example.com]
reports:
  - {name: all, to: [security@example.com]}
`,
	"harden/exceptions.yaml": `exceptions:
  - check: OPS-NOTIF
    cluster: legacy
    reason: it is shut down in spring
    owner: billing@example.com
    until: 2030-03-31
`,
}

// An estate is the clusters, simulated or a project's, with the functions that look after them.
type estate struct {
	cloud    *Cloud
	pace     time.Duration // of an hour
	sim      *simulation   // nil for a project's clusters
	mailbox  *mailbox.Server
	works    sync.RWMutex // held for reading while a function works: time stands meanwhile, which is hours in the simulation
	log      *slog.Logger // of the functions; of simulated clusters errors alone: the page and the mails say the rest
	handlers map[string]http.Handler
}

// startFleet serves, behind schedules and subscriptions, the functions that look after clusters, and simulated clusters if these are
// wanted.
func (c *Cloud) startFleet(ctx context.Context) (err error) {
	f := &estate{cloud: c, pace: c.cfg.pace}
	if f.pace == 0 {
		f.pace = time.Second
	}
	if f.mailbox, err = mailbox.New(); err != nil {
		return err
	}
	f.log = slog.New(grave{c.cfg.Log.Handler()})
	run := f.run
	files := sampleFiles
	if c.cfg.Project != "" {
		f.log, run = c.cfg.Log, f.watch
		files = map[string]string{report.SettingsName: sampleFiles[report.SettingsName]}
	} else if f.sim, err = simulate(c.token); err != nil {
		return errors.Join(err, f.close())
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	f.handlers = f.functions()
	records, err := objects.NewBucket(ctx, Bucket, c.storage()...)
	if err != nil {
		return err
	}
	if err := forget(ctx, records); err != nil {
		return err
	}
	for name, text := range files {
		if _, err := records.Put(ctx, name, []byte(text), nil, 0); err != nil {
			return err
		}
	}
	c.estate.Store(f)
	c.beside.Go(func() { run(ctx) })
	return nil
}

// now is the time by the functions' clock.
func (f *estate) now() time.Time {
	if f.sim == nil {
		return time.Now()
	}
	return f.sim.now()
}

func (f *estate) close() error {
	err := f.mailbox.Close()
	if f.sim != nil {
		err = errors.Join(err, f.sim.close())
	}
	return err
}

// forget removes what an earlier run's functions kept: the simulated clusters begin anew.
func forget(ctx context.Context, records *objects.Bucket) error {
	for _, prefix := range []string{"harden/", "upgrade/", "rotate/", "report/", "mail/"} {
		for o, err := range records.List(ctx, prefix) {
			if err == nil {
				err = records.Delete(ctx, o.Name, o.Generation)
			}
			if err != nil && !errors.Is(err, objects.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// work are the subscriptions of the jobs of each kind, and the function behind each.
var work = map[string]string{"harden": functions.CheckHardening, "upgrade": functions.CheckUpgrades}

func workSubscription(kind string) string { return parent + "/subscriptions/tiercel-" + kind }

// dropWork forgets the jobs that an earlier run left in the folder: its clusters and their records are no more, and where none are
// looked after nothing would ever take them.
func (c *Cloud) dropWork(ctx context.Context) error {
	for kind := range work {
		_, err := c.pubsub.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{Subscription: workSubscription(kind)})
		if err != nil && status.Code(err) != codes.NotFound {
			return err
		}
	}
	return nil
}

// scheduledBy are the accounts of the scheduled functions that something here calls.
var scheduledBy = map[string]string{
	functions.BeginRun: auditor, functions.CheckHardening: auditor, functions.CheckUpgrades: upgrader,
	functions.RotateCredentials: rotator, functions.ApproveRotation: rotator, functions.SendReport: auditor,
}

// functions are the handlers, each with the rights of its account.
func (f *estate) functions() map[string]http.Handler {
	s := functions.Settings{
		Project: Project, AlertsTopic: EnrichedTopic, QuarantineTopic: quarantineTopic, Bucket: Bucket, Source: Source, MaxInstances: 1,
		ClusterProjects: []string{SampleProject}, Scopes: []string{"projects/" + SampleProject}, WorkTopic: workTopic, ApproveURL: approveURL,
	}
	if f.sim == nil {
		s.ClusterProjects, s.Scopes = []string{f.cloud.cfg.Project}, []string{"projects/" + f.cloud.cfg.Project}
	} else {
		s.RotationPolicy, s.Account = rotationPolicy, rotator
	}
	out := map[string]http.Handler{}
	for _, account := range []string{auditor, upgrader, rotator} {
		endpoints := f.endpoints(account)
		for name, handler := range functions.Handlers(func() (functions.Settings, error) { return s, nil }, endpoints, f.log) {
			if scheduledBy[name] == account {
				out[name] = handler
			}
		}
	}
	return out
}

// endpoints are what an account's functions reach: this cloud, and where the clusters are.
func (f *estate) endpoints(account string) functions.Endpoints {
	e := f.cloud.cfg.google
	if f.sim != nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(f.sim.roots)
		e.GKE = append(Reach(f.sim.address), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(as(account))))
		e.Google, e.Now = e.GKE, f.sim.now
		e.Kubernetes = functions.Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: f.cloud.token}), Roots: roots, Dialer: loopback}
	}
	e.PubSub, e.SCC, e.Storage = f.cloud.Options(), f.cloud.Options(), f.cloud.recordsOf()
	e.Meter = f.cloud.meter
	e.Mail, e.TokenKeys = f.mailbox.SMTP(), "http://"+f.cloud.calls+KeysPath
	return e
}

// scheduled serves a scheduled function, once the fleet is there.
func (c *Cloud) scheduled(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := c.estate.Load()
		if f == nil {
			http.Error(w, "no clusters are looked after yet", http.StatusServiceUnavailable)
			return
		}
		f.works.RLock()
		defer f.works.RUnlock()
		f.handlers[name].ServeHTTP(w, r)
	})
}

// subscribeWork has workers be given the jobs of their kind. Where no clusters are looked after there are none, and the rest is as
// deployed.
func (c *Cloud) subscribeWork(ctx context.Context) error {
	if err := there(c.pubsub.CreateTopic(ctx, &pb.Topic{Name: workTopic})); err != nil {
		return err
	}
	for kind, function := range work {
		if err := c.makeSubscription(ctx, pushed("tiercel-"+kind, workTopic, function, fmt.Sprintf("attributes.work = %q", kind))); err != nil {
			return err
		}
	}
	return nil
}

// post is what Cloud Scheduler's call of a function is, and due the schedule's time.
func (c *Cloud) post(ctx context.Context, function, body string, due time.Time) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.calls+"/"+function, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	token, err := c.accounts.Token(invoker, functionsURL+"/"+function)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if !due.IsZero() {
		r.Header.Set("X-CloudScheduler-ScheduleTime", due.UTC().Format(time.RFC3339))
	}
	answer, err := http.DefaultClient.Do(r)
	c.called(function, answer, err)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s: %s", function, answer.Status)
	}
	return nil
}
