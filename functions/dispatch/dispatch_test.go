package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
	localgke "tiercel.dev/local/gke"
	"tiercel.dev/local/storage"
)

var (
	monday = schedule.RunAt(time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC))
	both   = []schedule.Work{schedule.Harden, schedule.Upgrade}
)

// sky is one GKE and one Cloud Storage, spoken to by the clients that run in the cloud.
type sky struct {
	t       *testing.T
	gke     *localgke.Server
	refuse  map[string]error // of projects
	clients *container.ClusterManagerClient
	bucket  *objects.Bucket
	lists   int

	mu        sync.Mutex
	published []string
	publish   error
}

func newSky(t *testing.T, clusters ...string) *sky {
	t.Helper()
	s := &sky{t: t, refuse: map[string]error{}}
	s.gke = localgke.New(localgke.Config{Before: func(_ context.Context, method, name string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lists++
		return s.refuse[strings.Split(name, "/")[1]]
	}})
	for _, name := range clusters {
		s.put(name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	s.gke.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	s.clients, err = container.NewClusterManagerClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.clients.Close() })
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	if s.bucket, err = objects.NewBucket(t.Context(), "b", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication()); err != nil {
		t.Fatal(err)
	}
	return s
}

// put makes a cluster of PROJECT/LOCATION/NAME.
func (s *sky) put(name string) {
	s.t.Helper()
	parts := strings.Split(name, "/")
	if err := s.gke.PutCluster(parts[0], &pb.Cluster{Location: parts[1], Name: parts[2]}); err != nil {
		s.t.Fatal(err)
	}
}

// dispatcher is one instance of the function.
func (s *sky) dispatcher(store Store, scopes ...string) *Dispatcher {
	if store == nil {
		store = s.bucket
	}
	return New(Config{
		Store: store, Open: map[schedule.Work]string{schedule.Harden: "harden/open/"}, Publish: s.take, Log: slog.New(slog.DiscardHandler),
		Checks: func(context.Context) ([]posture.Check, error) { return []posture.Check{{ID: "A"}}, nil },
		Inventory: &Inventory{Scopes: scopes, Clusters: gke.New(s.clients, nil), Search: func(_ context.Context, scope string) ([]string, error) {
			if scope == "folders/1" {
				return []string{"p", "q"}, nil
			}
			return nil, status.Error(codes.PermissionDenied, "on demand")
		}},
	})
}

func (s *sky) take(_ context.Context, data []byte, attributes map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publish != nil {
		return s.publish
	}
	j, err := schedule.ReadJob(push.Message{Data: data}, schedule.Work(attributes[schedule.AttrWork]))
	if err != nil {
		s.t.Error(err)
	}
	s.published = append(s.published, fmt.Sprintf("%s %s %s", j.Work, j.Run, j.Resource.ClusterName()))
	return nil
}

// jobs are those published, each once, in order.
func (s *sky) jobs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := slices.Clone(s.published)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\n")
}

func (s *sky) manifest(work schedule.Work, run schedule.Run) *schedule.Manifest {
	s.t.Helper()
	o, err := s.bucket.Get(s.t.Context(), work.Manifest(run))
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := schedule.ReadManifest(o)
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

const jobsOfP = "harden 20260105T060000Z projects/p/locations/l/clusters/a\nharden 20260105T060000Z projects/p/locations/m/clusters/b\n" +
	"upgrade 20260105T060000Z projects/p/locations/l/clusters/a\nupgrade 20260105T060000Z projects/p/locations/m/clusters/b"

// A manifest of a newer function's is left alone, and nothing is given out by it.
func TestNewerManifestStays(t *testing.T) {
	s := newSky(t, "p/l/a")
	generation, err := s.bucket.Put(t.Context(), schedule.Harden.Manifest(monday), []byte(`{"version":2,"clusters":{}}`), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.dispatcher(nil, "projects/p").Begin(t.Context(), monday, []schedule.Work{schedule.Harden}); !errors.Is(err, objects.ErrVersion) {
		t.Error(err)
	}
	if o, err := s.bucket.Get(t.Context(), schedule.Harden.Manifest(monday)); err != nil || o.Generation != generation || s.jobs() != "" {
		t.Errorf("%s, %v, %q", o.Data, err, s.jobs())
	}
}

// Called twice for one time, the run is one: the second call gives out nothing, and lists nothing.
func TestBeginTwice(t *testing.T) {
	s := newSky(t, "p/l/a", "p/m/b", "other/l/x")
	for range 2 {
		if err := s.dispatcher(nil, "projects/p").Begin(t.Context(), monday, both); err != nil {
			t.Fatal(err)
		}
		s.put("p/l/later")
	}
	if got := s.jobs(); got != jobsOfP || len(s.published) != 4 || s.lists != 1 {
		t.Errorf("%d jobs after %d lists:\n%s", len(s.published), s.lists, got)
	}
	m := s.manifest(schedule.Harden, monday)
	if len(m.Clusters) != 2 || m.Given.IsZero() || len(m.Checks) != 1 || len(s.manifest(schedule.Upgrade, monday).Checks) != 0 {
		t.Errorf("%+v", m)
	}
}

// What could not be listed is in the manifest, with what is missing, and what could be is looked at.
func TestGapsAreNamed(t *testing.T) {
	s := newSky(t, "p/l/a", "q/l/b", "r/l/c")
	s.refuse["r"] = status.Error(codes.PermissionDenied, "no")
	s.gke.Silence("m")
	if err := s.dispatcher(nil, "folders/1", "organizations/2", "projects/r").Begin(t.Context(), monday, both[:1]); err != nil {
		t.Fatal(err)
	}
	m := s.manifest(schedule.Harden, monday)
	var gaps []string
	for _, g := range m.Gaps {
		gaps = append(gaps, g.Part+" "+g.Call+" "+g.Permission)
	}
	want := []string{
		"clusters/organizations/2 SearchAllResources cloudasset.assets.searchAllResources",
		"clusters/projects/p/locations/m ListClusters ", "clusters/projects/q/locations/m ListClusters ",
		"clusters/projects/r ListClusters container.clusters.list",
	}
	if !slices.Equal(gaps, want) || len(m.Clusters) != 2 {
		t.Errorf("%d clusters, gaps %q", len(m.Clusters), gaps)
	}
}

// A cluster that is gone gets one more job, to take back what was said of it; one of which nobody knows does not.
func TestGone(t *testing.T) {
	s := newSky(t, "p/l/a", "secret/l/a")
	for _, name := range []string{"p/l/a", "p/l/gone", "p/m/silent", "empty/l/gone", "secret/l/gone", "p/x"} {
		if _, err := s.bucket.Put(t.Context(), "harden/open/"+name+".json", []byte("{}"), nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.gke.Silence("m")
	s.refuse["secret"] = status.Error(codes.PermissionDenied, "no")
	if err := s.dispatcher(nil, "projects/p").Begin(t.Context(), monday, both); err != nil {
		t.Fatal(err)
	}
	m := s.manifest(schedule.Harden, monday)
	if got := fmt.Sprint(m.Gone); len(m.Gone) != 2 || m.Gone[0].Project != "empty" || m.Gone[1].Cluster != "gone" {
		t.Errorf("gone: %s", got)
	}
	if got := s.jobs(); !strings.Contains(got, "harden 20260105T060000Z projects/p/locations/l/clusters/gone") || strings.Contains(got, "upgrade 20260105T060000Z projects/p/locations/l/clusters/gone") {
		t.Error(got)
	}
}

var errCut = errors.New("cut off")

// cutStore fails its n-th call, before or after it was carried out, and all that come later: where an instance died.
type cutStore struct {
	Store
	at, calls int
	after     bool
}

func (s *cutStore) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	s.calls++
	if s.calls < s.at {
		return s.Store.Put(ctx, name, data, meta, generation)
	}
	if s.calls == s.at && s.after {
		s.Store.Put(ctx, name, data, meta, generation)
	}
	return 0, errCut
}

func (s *cutStore) Get(ctx context.Context, name string) (objects.Object, error) {
	if s.calls++; s.calls >= s.at {
		return objects.Object{}, errCut
	}
	return s.Store.Get(ctx, name)
}

// Wherever an instance dies, the next call gives out every job, and the manifest names what the jobs were given for.
func TestBeginAfterDeath(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			s := newSky(t, "p/l/a", "p/m/b")
			dying := &cutStore{Store: s.bucket, at: at, after: after}
			err := s.dispatcher(dying, "projects/p").Begin(t.Context(), monday, both)
			if err == nil {
				if at < 6 {
					t.Fatalf("%d calls only", at)
				}
				break
			}
			s.put("p/l/c") // a cluster that comes meanwhile is in the manifest, or is not, and so are its jobs
			if err := s.dispatcher(nil, "projects/p").Begin(t.Context(), monday, both); err != nil {
				t.Errorf("call %d: %v", at, err)
			}
			for _, work := range both {
				m := s.manifest(work, monday)
				for _, r := range m.Clusters {
					if !strings.Contains(s.jobs(), fmt.Sprintf("%s 20260105T060000Z %s", work, r.ClusterName())) {
						t.Errorf("call %d, carried out %v: no job of %s for %s", at, after, work, r)
					}
				}
				if m.Given.IsZero() || len(m.Clusters) < 2 {
					t.Errorf("call %d: %+v", at, m)
				}
			}
		}
	}
}

// A topic that takes nothing has the schedule call again.
func TestPublishFails(t *testing.T) {
	s := newSky(t, "p/l/a", "p/m/b")
	s.publish = errors.New("no topic")
	d := s.dispatcher(nil, "projects/p")
	if err := d.Begin(t.Context(), monday, both); err == nil {
		t.Error("no error")
	}
	s.publish = nil
	if err := d.Begin(t.Context(), monday, both); err != nil {
		t.Error(err)
	}
	if got := s.jobs(); got != jobsOfP {
		t.Error(got)
	}
	var m map[string]any
	o, err := s.bucket.Get(t.Context(), "harden/runs/20260105T060000Z/manifest.json")
	if err != nil || json.Unmarshal(o.Data, &m) != nil || m["given"] == nil {
		t.Errorf("%s, %v", o.Data, err)
	}
}
