package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	containerpb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/api/option"

	"tiercel.dev/functions"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/idtoken"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/local"
	"tiercel.dev/local/oidc"
	"tiercel.dev/local/storage"
)

// sight are clusters whose authority ends in 60 days.
type sight []string

func (s sight) World(context.Context) rotate.World {
	now := time.Now()
	w := rotate.World{Looked: map[string]bool{"p": true}, Seen: map[posture.Resource]rotate.Observed{}}
	for _, name := range s {
		w.Seen[posture.Resource{Project: "p", Location: "europe-west1", Cluster: name}] = rotate.Observed{
			At: now, Cluster: &containerpb.Cluster{Name: name, Location: "europe-west1", Status: containerpb.Cluster_RUNNING},
			CA:         rotate.Have(posture.CA{Fingerprint: strings.Repeat("a", 64), NotBefore: now.AddDate(-5, 0, 0), NotAfter: now.Add(60*24*time.Hour + time.Hour)}),
			Operations: rotate.Have([]rotate.Operation{}), Audit: rotate.Have([]rotate.Event{}), Windows: rotate.Have(rotate.Windows{Open: 168 * time.Hour}),
		}
	}
	return w
}

func (sight) Inside(_ context.Context, _ posture.Resource, o *rotate.Observed) {
	o.Nodes, o.Budgets, o.Webhooks = rotate.Have([]rotate.Node{}), rotate.Have([]string{}), rotate.Have([]string{})
	o.Tokens = rotate.Lack[[]rotate.Token](posture.Gap{Call: "list secrets", Error: "forbidden"})
	o.Uses = rotate.Have(rotate.Uses{Since: o.UsesSince, List: []rotate.Use{
		{Account: "shop/ci", Secret: "hand-made", Last: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), From: "203.0.113.7 (deploy/2)"},
	}})
}

// rotations serves what a running tiercel up does, with records of clusters of these names.
func rotations(t *testing.T, names ...string) (address string) {
	t.Helper()
	accounts, err := oidc.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	records := storage.New()
	mux.Handle("/storage/v1/", records)
	mux.Handle("/upload/storage/v1/", records)
	mux.Handle(local.KeysPath, accounts.Keys())
	mux.Handle(local.TokenPath, accounts.Issue())
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	forget, err := local.WriteSecret(s.Listener.Addr().String(), accounts.Secret())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := forget(); err != nil {
			t.Error(err)
		}
	})
	bucket, err := objects.NewBucket(t.Context(), local.Bucket, option.WithEndpoint(s.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	policy := "mode: guided\nclusters: ['*']\napprovers: [alice@example.com]\n"
	if _, err := bucket.Put(t.Context(), "rotation.yaml", []byte(policy), nil, 0); err != nil {
		t.Fatal(err)
	}
	rotator := rotate.New(rotate.Config{
		Store: bucket, Policy: "rotation.yaml", Eyes: sight(names), Hands: rotate.Caller{}, Log: slog.New(slog.DiscardHandler),
		Publish: func(context.Context, []byte, map[string]string) error { return nil },
		Notify:  func(context.Context, posture.Notice) error { return nil },
	})
	if err := rotator.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	mux.Handle("/"+functions.ApproveRotation, rotate.Approver{
		Rotator: rotator, Audience: local.Audience(functions.ApproveRotation), Log: slog.New(slog.DiscardHandler),
		Tokens: idtoken.New(idtoken.Config{Keys: s.URL + local.KeysPath}),
	})
	return strings.TrimPrefix(s.URL, "http://")
}

// ask runs a command.
func ask(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(args, &out, &errs); code != want {
		t.Errorf("%v: exit code %d\n%s%s", args, code, &out, &errs)
	}
	return out.String(), errs.String()
}

func TestRotationStatus(t *testing.T) {
	address := rotations(t, "shop", "other")
	out, _ := ask(t, 0, "rotation", "status", "--local", address)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "other ") || !strings.Contains(lines[2], "  DUE  ") || !strings.Contains(lines[2], "  60  ") ||
		!strings.Contains(lines[2], "somebody approves the start") {
		t.Error(out)
	}
	out, _ = ask(t, 0, "rotation", "status", "--local", address, "--json", "--project", "p")
	var shown []posture.Rotation
	if err := json.Unmarshal([]byte(out), &shown); err != nil || len(shown) != 2 || shown[1].State != "DUE" || len(shown[1].Deadlines) != 2 {
		t.Errorf("%v: %s", err, out)
	}
	if out, _ = ask(t, 0, "rotation", "status", "--local", address, "--project", "q", "--json"); strings.TrimSpace(out) != "[]" {
		t.Error(out)
	}
	ask(t, 2, "rotation", "status")
}

func TestRotationExplain(t *testing.T) {
	address := rotations(t, "shop")
	out, _ := ask(t, 0, "rotation", "explain", "shop", "--local", address)
	for _, want := range []string{
		"> DUE\n", "  NODES_RECREATING\n", "shop in europe-west1 of p: DUE", "expires in 60 days", "--acknowledge tokens-unknown",
		"list secrets: forbidden", "shop/hand-made (last on 2026-11-02", "203.0.113.7 (deploy/2)", "  tiercel rotation approve shop --project p --location europe-west1 --phase start\n", "Deadlines",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing of\n%s", want, out)
		}
	}
	if _, errs := ask(t, 2, "rotation", "explain", "shops", "--local", address); !strings.Contains(errs, "no record of a cluster") {
		t.Error(errs)
	}
	ask(t, 2, "rotation", "explain", "--local", address)
}

func TestRotationApprove(t *testing.T) {
	address := rotations(t, "shop")
	approve := func(want int, more ...string) (string, string) {
		t.Helper()
		return ask(t, want, append([]string{"rotation", "approve", "shop", "--local", address}, more...)...)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "--phase is"},
		{[]string{"--phase", "start"}, "--as"},
		{[]string{"--phase", "start", "--as", "alice@example.com"}, "give --yes"},
		{[]string{"--phase", "start", "--as", "mallory@example.com", "--yes"}, "mallory@example.com is not among those who may approve"},
		{[]string{"--phase", "start", "--as", "alice@example.com", "--yes", "--acknowledge", "x"}, "no blocker that somebody may answer for"},
		{[]string{"--phase", "start", "--as", "alice@example.com", "--yes", "--expires", "1000h"}, "the policy allows 72 h"},
	} {
		if _, errs := approve(2, tt.args...); !strings.Contains(errs, tt.want) {
			t.Errorf("%v: %s", tt.args, errs)
		}
	}
	out, shown := approve(0, "--phase", "start", "--as", "alice@example.com", "--yes", "--acknowledge", "tokens-unknown")
	for _, want := range []string{"projects/p/locations/europe-west1/clusters/shop", strings.Repeat("a", 64), "you answer for it: nobody knows how many static tokens"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is missing of what is approved:\n%s", want, shown)
		}
	}
	if !strings.Contains(out, "Approved by alice@example.com until") || !strings.Contains(out, "The rotation is APPROVED.") {
		t.Error(out)
	}
}

func TestRotationApproveElsewhere(t *testing.T) {
	t.Setenv(functionVariable, "")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "give --function"},
		{[]string{"--function", "http://f.example.com"}, "does not begin with https://"},
		{[]string{"--function", "https://f.example.com", "--as", "x"}, "--as is for --local"},
	} {
		if _, errs := ask(t, 2, append([]string{"rotation", "approve", "shop", "--phase", "start", "--bucket", "b"}, tt.args...)...); !strings.Contains(errs, tt.want) {
			t.Errorf("%v: %s", tt.args, errs)
		}
	}
}
