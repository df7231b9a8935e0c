package reload

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/rules"
)

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func file(name string) string {
	return "rules:\n- {name: " + name + ", severity: LOW, output: x, condition: evt.type == \"execve\"}\n"
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(s *rules.Set) string {
	var out []string
	for _, r := range s.Rules() {
		out = append(out, r.Name)
	}
	return strings.Join(out, " ")
}

func newReloader(t *testing.T, cfg Config) *Reloader {
	t.Helper()
	r, err := New(cfg, discard())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReload(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), file("one"))
	var changed []string
	var logged bytes.Buffer
	r, err := New(Config{Paths: []string{dir}, Before: []rules.Source{{Name: "shipped.yaml", Data: []byte(file("shipped"))}},
		Changed: func(s *rules.Set) { changed = append(changed, names(s)) }}, slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	first := r.Current()
	told := 0
	first.OnError = func(*rules.Rule, error) { told++ }

	// Nothing changed: the set stays, its counters with it.
	if err := r.Reload(); err != nil || r.Current() != first {
		t.Fatalf("unchanged files: %v", err)
	}

	// A bad file keeps the whole set, also the good half of what changed.
	write(t, filepath.Join(dir, "a.yaml"), file("two"))
	write(t, filepath.Join(dir, "b.yaml"), "rules: [{name: x, condition: proc.nam}]")
	for range 3 {
		if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "b.yaml") || r.Current() != first {
			t.Fatalf("bad file: %v, in force: %s", err, names(r.Current()))
		}
	}
	if n := strings.Count(logged.String(), "rules not reloaded"); n != 1 || r.Err() == nil {
		t.Errorf("told %d times, err %v", n, r.Err())
	}

	// Repaired, the whole set is swapped.
	write(t, filepath.Join(dir, "b.yaml"), file("three"))
	if err := r.Reload(); err != nil || names(r.Current()) != "shipped two three" || r.Err() != nil {
		t.Errorf("got %v, %s, %v", err, names(r.Current()), r.Err())
	}
	if r.Current().OnError == nil {
		t.Error("the new set tells errors to no one")
	}

	// An empty directory is no reason to be without rules.
	for _, f := range []string{"a.yaml", "b.yaml"} {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Reload(); err == nil || names(r.Current()) != "shipped two three" {
		t.Errorf("got %v, %s", err, names(r.Current()))
	}
	// The same files again are in force again.
	write(t, filepath.Join(dir, "a.yaml"), file("two"))
	if err := r.Reload(); err != nil || names(r.Current()) != "shipped two" {
		t.Errorf("got %v, %s", err, names(r.Current()))
	}
	if got := strings.Join(changed, "; "); got != "shipped two three; shipped two" {
		t.Errorf("told of %s", got)
	}
}

// A file in Falco's language is followed as others are, and a bad one keeps the rules in force.
func TestReloadFalco(t *testing.T) {
	path := filepath.Join(t.TempDir(), "falco.yaml")
	falco := func(name, condition string) string {
		return "- {rule: " + name + ", desc: d, condition: " + condition + ", output: x, priority: NOTICE}\n"
	}
	write(t, path, falco("one", "evt.type = execve"))
	r := newReloader(t, Config{Paths: []string{path}})
	write(t, path, falco("two", "evt.type = nothing.at.all and"))
	if err := r.Reload(); err == nil || !strings.Contains(err.Error(), "falco.yaml:1:") || names(r.Current()) != "one" {
		t.Errorf("a bad file: %v, in force %q", err, names(r.Current()))
	}
	write(t, path, falco("two", "evt.type = connect"))
	if err := r.Reload(); err != nil || names(r.Current()) != "two" {
		t.Errorf("a good file: %v, in force %q", err, names(r.Current()))
	}
}

func TestNewWantsRightFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "rules: [{}]")
	if _, err := New(Config{Paths: []string{dir}}, discard()); rules.Places(err) == nil {
		t.Errorf("got %v", err)
	}
	if _, err := New(Config{}, discard()); err == nil || !strings.Contains(err.Error(), "Paths") {
		t.Errorf("got %v", err)
	}
}

// follow runs a reloader that never looks by itself, so that only what inotify tells makes it load.
func follow(t *testing.T, paths ...string) (*Reloader, <-chan string) {
	t.Helper()
	sets := make(chan string, 10)
	r := newReloader(t, Config{Paths: paths, Every: time.Hour, Settle: time.Millisecond, Changed: func(s *rules.Set) { sets <- names(s) }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	changes, err := Watch(ctx, paths)
	if err != nil {
		t.Fatal(err)
	}
	go func() { done <- r.follow(ctx, changes) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r, sets
}

func TestRunSeesWrites(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), file("one"))
	_, sets := follow(t, dir)
	write(t, filepath.Join(dir, "new.yaml"), file("two"))
	waitFor(t, sets, "one two")
}

func TestRunSeesReplacedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.yaml")
	write(t, path, file("one"))
	_, sets := follow(t, path)
	write(t, path+".tmp", file("two"))
	if err := os.Rename(path+".tmp", path); err != nil {
		t.Fatal(err)
	}
	waitFor(t, sets, "two")
}

// TestRunSeesConfigMap swaps files as the kubelet does: the directory's files are links through ..data, which is
// itself a link, replaced by rename.
func TestRunSeesConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(name, data string) {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "a.yaml"), data)
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", file("one"))
	link("..1", "..data")
	link("..data/a.yaml", "a.yaml")
	_, sets := follow(t, dir)
	for i, name := range []string{"two", "three"} {
		next := []string{"..2", "..3"}[i]
		version(next, file(name))
		link(next, "..data_tmp")
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		waitFor(t, sets, name)
	}
}

// waitFor waits until the set with these rules is in force; others may come before it.
func waitFor(t *testing.T, sets <-chan string, want string) {
	t.Helper()
	for {
		select {
		case got := <-sets:
			if got == want {
				return
			}
		case <-t.Context().Done():
			t.Fatalf("rules %q never came into force", want)
		}
	}
}
