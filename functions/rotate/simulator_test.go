package rotate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/race"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
)

// What holds in the model's weather holds over the APIs themselves: lost calls and answers, failed operations, a second operator, and
// people who answer late.
func TestRotationHoldsOnTheSimulator(t *testing.T) {
	n := uint64(200)
	if testing.Short() || race.Enabled {
		n = 10
	}
	t.Logf("seeds 1 to %d", n)
	for seed := uint64(1); seed <= n; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := &storm{cloud: newCloud(t, guided, permissions("")), rng: rand.New(rand.NewPCG(seed, 2)), approvals: map[string]int{}, answered: map[string]bool{}}
			s.live()
		})
	}
}

// A storm is a cloud in which things go wrong.
type storm struct {
	*cloud
	rng       *rand.Rand
	over      bool
	listed    []string // static tokens
	answered  map[string]bool
	approvals map[string]int // calls that were approved
}

func (s *storm) chance(percent int) bool { return !s.over && s.rng.IntN(100) < percent }

// stir makes the faults. They are asked for by the simulator's own goroutines, under the cloud's lock.
func (s *storm) stir() {
	lost := status.Error(codes.Unavailable, "connection reset")
	s.before = func(string) error {
		if s.chance(5) {
			return lost
		}
		return nil
	}
	s.after = func(string) error {
		if s.chance(20) {
			return errTimeout
		}
		return nil
	}
	s.fail = func() error {
		if s.chance(5) {
			return status.Error(codes.Internal, "internal error")
		}
		return nil
	}
}

func (s *storm) live() {
	s.set(s.stir)
	for range 12 + s.rng.IntN(12) {
		s.step([]time.Duration{10 * time.Minute, 3 * time.Hour, 25 * time.Hour}[s.rng.IntN(3)])
		s.others()
		s.person()
	}
	s.set(func() { s.over = true })
	for i := 0; i < 80; i++ {
		s.step(12 * time.Hour)
		r := s.record()
		if r.State == Done && i > 2 && !r.Stage().open() {
			break
		}
		if r.State == Blocked && len(r.Blockers) == 0 {
			s.Fatalf("blocked for no reason: %s", r.Reason)
		}
		s.person()
	}
	if r := s.record(); r.Stage().open() || len(r.Pending) > 0 {
		s.Errorf("%s (from %s) after 40 fair days: %s; %v; %d not told", r.State, r.From, r.Reason, r.Kinds, len(r.Pending))
	}
	if len(s.path()) == 0 {
		s.Error("nobody was told of anything")
	}
}

// set changes what the simulator's goroutines look at.
func (s *storm) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// step has time pass and the schedule call; errors are of the faults.
func (s *storm) step(d time.Duration) {
	s.clock.Advance(d)
	s.gke.CatchUp()
	before := len(s.calls)
	_ = s.rotator.Tick(s.Context())
	for _, call := range s.calls[before:] {
		s.approvals[call]--
		if s.approvals[call] < 0 {
			s.Errorf("%s without an approval", call)
		}
		if call == "CompleteIPRotation" && s.record().Start != nil {
			for _, token := range s.listed {
				if !s.answered[token] {
					s.Errorf("completed with token %s", token)
				}
			}
		}
	}
}

// others are a second operator, and whoever makes tokens.
func (s *storm) others() {
	mallory := metadata.AppendToOutgoingContext(s.Context(), caller.Header, "mallory@example.com")
	switch s.rng.IntN(25) {
	case 0:
		_, _ = s.client.StartIPRotation(mallory, &pb.StartIPRotationRequest{Name: shop.ClusterName(), RotateCredentials: true})
	case 1:
		_, _ = s.client.CompleteIPRotation(mallory, &pb.CompleteIPRotationRequest{Name: shop.ClusterName()})
	case 2:
		s.listed = append(s.listed, fmt.Sprintf("token-%d", s.rng.IntN(1000)))
	case 3:
		s.listed = nil
	case 4:
		s.anew()
	}
	s.inside = s.tokens(s.listed...)
}

// anew deletes the cluster, whatever is under way, and makes another of its name.
func (s *storm) anew() {
	v, err := s.client.GetCluster(metadata.AppendToOutgoingContext(s.Context(), caller.Header, "mallory@example.com"), &pb.GetClusterRequest{Name: shop.ClusterName()})
	if err != nil {
		s.Fatal(err)
	}
	s.gke.RemoveCluster(shop.ClusterName())
	if s.chance(50) {
		s.step(time.Hour)
	}
	now := s.clock.Now()
	v.Id, v.CreateTime = fmt.Sprintf("id-%d", now.Unix()), now.Format(time.RFC3339)
	v.Status, v.MasterAuth.ClusterCaCertificate = pb.Cluster_RUNNING, gke.CA(v.Id, now, now.Add(100*day))
	if err := s.gke.PutCluster("p", v); err != nil {
		s.Fatal(err)
	}
	s.listed, s.answered = nil, map[string]bool{}
}

// person answers as the record asks.
func (s *storm) person() {
	if s.chance(40) {
		return
	}
	o, err := s.bucket.Get(context.Background(), Name(shop))
	if err != nil {
		return // no tick has come through yet
	}
	r, err := Parse(o)
	if err != nil {
		s.Fatal(err)
	}
	if !r.Gone.IsZero() {
		return
	}
	phase, who := Start, alice
	if r.Stage().open() && r.Stage() != Starting || r.Stage() == Verifying {
		phase, who = Complete, bob
	}
	var ids []string
	for _, b := range r.Blockers {
		if b.Acknowledge != "" {
			ids = append(ids, b.Acknowledge)
		}
	}
	code, a, body := s.post(who, s.request(phase, ids...))
	if code != http.StatusOK {
		s.Fatalf("%d %s", code, body)
	}
	if a.Approved && r.Given == nil {
		s.approvals[map[Phase]string{Start: "StartIPRotation", Complete: "CompleteIPRotation"}[phase]]++
	}
	if phase == Start {
		s.answered = map[string]bool{}
	}
	for _, b := range r.Blockers {
		if slices.Contains(ids, b.Acknowledge) && strings.HasPrefix(b.Acknowledge, "tokens-") && phase == Complete {
			for _, token := range s.listed {
				s.answered[token] = s.answered[token] || strings.Contains(b.What, "shop/"+token)
			}
		}
	}
}
