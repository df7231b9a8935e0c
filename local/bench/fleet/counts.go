package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// counts are calls by service and method.
type counts map[string]int

// A counter counts them. It is safe for concurrent use.
type counter struct {
	mu    sync.Mutex
	calls counts
}

func (c *counter) count(service, method string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = counts{}
	}
	c.calls[service+" | "+method]++
}

// take returns what was counted, and counts anew.
func (c *counter) take() counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.calls
	c.calls = nil
	return was
}

// storage counts requests of Cloud Storage by what they do.
func (c *counter) storage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := map[string]string{http.MethodGet: "get", http.MethodPost: "put", http.MethodDelete: "delete"}[r.Method]
		switch {
		case r.Method == http.MethodGet && r.URL.Query().Get("alt") == "media":
			method = "get data"
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/o"):
			method = "list"
		}
		c.count("Cloud Storage", method)
		next.ServeHTTP(w, r)
	})
}

// calls prints how many each method had, for a cluster and in a run.
func calls(out io.Writer, clusters int, first, steady counts) error {
	fmt.Fprintln(out, "| service | method | first run | for a cluster | steady run | for a cluster |")
	fmt.Fprintln(out, "| --- | --- | --- | --- | --- | --- |")
	all := maps.Clone(first)
	maps.Copy(all, steady)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, err := fmt.Fprintf(out, "| %s | %d | %.2f | %d | %.2f |\n", name, first[name], float64(first[name])/float64(clusters), steady[name],
			float64(steady[name])/float64(clusters)); err != nil {
			return err
		}
	}
	return nil
}
