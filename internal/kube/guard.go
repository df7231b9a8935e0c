package kube

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"tiercel.dev/internal/meter"
)

// errResting means that a cluster is not asked for the moment.
var errResting = errors.New("the cluster did not answer of late: not asked")

const (
	// failures in a row after which a cluster rests, for as long as pause.
	failures = 5
	pause    = 5 * time.Second
)

// A guard stands before a cluster's endpoints. It keeps an answer from filling the memory, and lets a cluster rest that does
// not answer: each of its alerts and heartbeats would wait for the deadline otherwise, and with them those of all others.
type guard struct {
	base *http.Transport
	now  func() time.Time

	mu     sync.Mutex
	failed int // in a row
	until  time.Time
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if g.rests() {
		return nil, errResting
	}
	answer, err := g.base.RoundTrip(r)
	g.note(err)
	code := 0
	if err == nil {
		code = answer.StatusCode
	}
	meter.Add(r.Context(), meter.APICalls, 1, "Kubernetes", meter.HTTPCode(code))
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxBody)
	}
	return answer, err
}

func (g *guard) rests() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.now().Before(g.until)
}

// note counts. After a rest the first failure is enough for another.
func (g *guard) note(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case err == nil:
		g.failed = 0
	case errors.Is(err, context.Canceled): // whoever asked has left
	default:
		if g.failed++; g.failed >= failures {
			g.until = g.now().Add(pause)
		}
	}
}
