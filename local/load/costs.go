package load

import (
	"context"
	"net/http"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// label is what a profile tells a function's work by.
const label = "function"

// Costs are the calls of each function and of Cloud Storage.
type Costs struct {
	mu    sync.Mutex
	calls map[string]*Calls
}

// Calls are those of a function, or of a method of Cloud Storage's.
type Calls struct {
	Count  atomic.Int64
	Failed atomic.Int64 // answered by 400 and above; in Cloud Storage, what is not there among them
	Took   atomic.Int64 // all together, ns
}

// good are those that did not fail.
func (c *Calls) good() int64 { return c.Count.Load() - c.Failed.Load() }

func newCosts() *Costs { return &Costs{calls: make(map[string]*Calls)} }

// Of returns the calls of one.
func (c *Costs) Of(name string) *Calls {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[name] == nil {
		c.calls[name] = new(Calls)
	}
	return c.calls[name]
}

// around counts, and labels what works for a function, and the connections that it makes.
func (c *Costs) around(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, of := time.Now(), name
		if name == "storage" {
			of = "storage " + method(r)
		}
		calls, noted := c.Of(of), &noted{ResponseWriter: w, status: http.StatusOK}
		pprof.Do(r.Context(), pprof.Labels(label, name), func(ctx context.Context) { next.ServeHTTP(noted, r.WithContext(ctx)) })
		calls.Count.Add(1)
		calls.Took.Add(int64(time.Since(began)))
		if noted.status >= http.StatusBadRequest {
			calls.Failed.Add(1)
		}
	})
}

// method says what Cloud Storage bills a request as.
// https://cloud.google.com/storage/pricing#operations-by-class
func method(r *http.Request) string {
	switch {
	case r.Method == http.MethodDelete:
		return "delete"
	case r.Method != http.MethodGet:
		return "A"
	case strings.HasSuffix(r.URL.Path, "/o"):
		return "A" // a list
	}
	return "B"
}

type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}
