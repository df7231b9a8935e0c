package main

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/cmd/tiercel/web"
	"tiercel.dev/local"
	"tiercel.dev/rules"
	"tiercel.dev/sensor/node"
)

// A show gives what happens to the board, from which page and summary are made, and to the terminal. It is an output of the
// sensor's, with a queue of its own: neither can hold up the pipeline.
type show struct {
	board   *board.Board
	out     *terminal
	project string // whose clusters are looked after; empty for the simulated ones

	mu     sync.Mutex
	about  board.About
	told   bool
	health func() *alert.Heartbeat
}

func newShow(b *board.Board, out *terminal) *show {
	return &show{board: b, out: out, about: board.About{Version: node.Version(), Topic: local.RawTopic, Source: local.Source}}
}

// Write takes an alert or a heartbeat of the sensor's.
func (s *show) Write(_ context.Context, a *alert.Alert) error {
	s.board.Alert(a)
	if a.GetKind() != alert.KindHeartbeat {
		s.out.alert(a)
	}
	return nil
}

func (s *show) Close(context.Context) error { return nil }

// enriched takes an alert as subscribers get it.
func (s *show) enriched(a *alert.Alert) {
	if a.GetEnrichment() != nil {
		s.board.Enriched(a)
	}
}

// finding takes one as it was written to Security Command Center.
func (s *show) finding(f *sccpb.Finding) {
	if local.OfFleet(f, s.project) {
		s.board.Beside(f)
		return
	}
	s.out.finding(f, s.board.Finding(f, time.Now()))
}

// watching is called when the sensor watches, and when it does so with other rules.
func (s *show) watching(w node.Watching) {
	var infos []rules.Info
	for _, r := range w.Rules.Rules() {
		infos = append(infos, r.Info())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &s.about
	a.Node, a.Kernel, a.Arch = alert.Escape(w.Node.GetName()), alert.Escape(w.Node.GetKernel()), alert.Escape(w.Node.GetArchitecture())
	a.Programs, a.Kinds, a.Rules, a.RuleSet = w.Programs, w.Kinds, len(infos), w.Rules.Hash()
	s.health = w.Health
	if !s.told && a.Programs > 0 {
		s.out.line("attached: %d programs in kernel %s (%s), for %d kinds of event", a.Programs, a.Kernel, a.Arch, a.Kinds)
	}
	s.out.line("rules: %d, set %.12s", a.Rules, a.RuleSet)
	if !s.told && a.Programs > 0 {
		s.out.line("watching; Ctrl-C ends it")
	}
	s.told = true
	s.board.Watching(*a, infos)
}

// start serves the page and keeps the counts fresh until the returned function is called, which says to pages that it is over.
func (s *show) start(ctx context.Context, cloud *local.Cloud, l net.Listener, log *slog.Logger) (stop func()) {
	for _, f := range cloud.Findings() {
		s.board.Restored(f)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var beside sync.WaitGroup
	if l != nil {
		s.out.address = "http://" + l.Addr().String() + "/"
		s.out.line("page: %s", s.out.address)
		beside.Go(func() {
			if err := web.New(s.board, http.HandlerFunc(cloud.ServeMail), cloud.Metrics()).Serve(ctx, l); err != nil {
				log.Error("page", "err", err)
			}
		})
	}
	beside.Go(func() { s.tick(ctx, cloud) })
	beside.Go(func() { s.followFleet(ctx, cloud, log) })
	beside.Go(func() {
		if err := cloud.Follow(ctx, s.enriched); err != nil {
			log.Error("alerts will be shown without what the cloud finds out", "err", err)
		}
	})
	return func() {
		s.board.End(time.Now())
		cancel()
		beside.Wait()
	}
}

// tickEvery is how often rates are counted.
const tickEvery = time.Second

func (s *show) tick(ctx context.Context, cloud *local.Cloud) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		health := s.health
		s.mu.Unlock()
		var h *alert.Heartbeat
		if health != nil {
			h = health()
		}
		s.board.Tick(time.Now(), h, cloudState(cloud))
		s.out.status(s.board.Now())
	}
}

// shownAside bounds the messages of each topic that the page shows.
const shownAside = 50

// cloudState is how the embedded cloud is.
func cloudState(cloud *local.Cloud) board.Cloud {
	c := board.Cloud{Memory: memory()}
	c.Quarantined, c.Dead = cloud.Aside()
	for _, s := range cloud.Subscriptions() {
		c.DeadLettered += s.DeadLettered
		name := s.Name[strings.LastIndexByte(s.Name, '/')+1:]
		c.Subscriptions = append(c.Subscriptions, board.Subscription{
			Name: name, Acked: s.Acked, Nacked: s.Nacked, Backlog: s.Backlog(), LastError: alert.Escape(s.LastError),
		})
	}
	for _, a := range cloud.PutAside(shownAside) {
		topic := "quarantine"
		if a.DeadLetter {
			topic = "dead letter"
		}
		c.Asides = append(c.Asides, board.Aside{
			Topic: topic, ID: a.ID, Time: a.Published, Reason: a.Reason, Subscription: a.Subscription, Attempts: a.Attempts, Data: string(a.Data),
		})
	}
	return c
}

// memory is what this process has of the machine's, in bytes; 0 where the kernel does not say. proc(5), statm
func memory() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
