package kube

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/local/kube/real"
)

func readAll(t *testing.T, answer *http.Response) []byte {
	t.Helper()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// shape is what two answers must have in common: all of a refusal, and of objects their kinds, their names and which
// metadata they have.
func shape(code int, text []byte) map[string]any {
	out := map[string]any{"code": code}
	var body map[string]any
	if json.Unmarshal(text, &body) != nil {
		out["text"] = strings.TrimSpace(string(text))
		return out
	}
	out["kind"], out["apiVersion"] = body["kind"], body["apiVersion"]
	if body["kind"] == "Status" {
		for _, key := range []string{"status", "message", "reason", "code", "details"} {
			out[key] = body[key]
		}
		return out
	}
	meta, _ := body["metadata"].(map[string]any)
	items, isList := body["items"].([]any)
	if !isList {
		out["name"], out["keys"] = meta["name"], slices.Sorted(maps.Keys(body))
		return out
	}
	out["metadata"], out["left"] = slices.Sorted(maps.Keys(meta)), meta["remainingItemCount"]
	var names []any
	for _, item := range items {
		item := item.(map[string]any)
		m := item["metadata"].(map[string]any)
		names = append(names, m["namespace"], m["name"], slices.Sorted(maps.Keys(item)))
	}
	out["items"] = names
	return out
}

// TestAsTheRealOne asks both the same. What differs on purpose stands at the request.
func TestAsTheRealOne(t *testing.T) {
	address := real.Start(t, map[string]string{readerToken: "reader"}).Address
	s := New(Config{
		Users: map[string]string{adminToken: "admin", readerToken: "reader"},
		Rules: map[string][]rbacv1.PolicyRule{
			"admin": {{Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, NonResourceURLs: []string{"*"}}}, "reader": readerRules,
		},
	})
	fill(t, address, s)
	ours, _, stop, err := Serve(s)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for _, token := range []string{adminToken, readerToken, "wrong", ""} {
		for _, path := range []string{
			"/api/v1/pods", "/api/v1/namespaces/shop/pods", "/api/v1/namespaces/none/pods", "/api/v1/namespaces/shop/pods/web-1",
			"/api/v1/namespaces/shop/pods/none", "/api/v1/nodes", "/api/v1/nodes/n1", "/api/v1/nodes/none", "/api/v1/namespaces/shop",
			"/apis/apps/v1/namespaces/shop/deployments", "/apis/apps/v1/namespaces/shop/deployments/web", "/apis/apps/v1/namespaces/shop/deployments/api",
			"/apis/apps/v1/replicasets", "/apis/batch/v1/namespaces/shop/cronjobs/none", "/api/v1/namespaces/shop/services",
			"/api/v1/pods?labelSelector=app%3Dweb", "/api/v1/pods?labelSelector=app+notin+(web)", "/api/v1/pods?labelSelector=a%3Db%3Dc",
			"/api/v1/pods?fieldSelector=spec.nodeName%3Dn1", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1,status.phase!%3DFailed",
			"/api/v1/pods?fieldSelector=spec.colour%3Dred", "/apis/apps/v1/deployments?fieldSelector=spec.colour%3Dred",
			"/api/v1/nodes?fieldSelector=spec.unschedulable%3Dtrue", "/api/v1/pods?limit=1", "/api/v1/pods?limit=2&labelSelector=app", "/api/v1/pods?limit=9",
			"/api/v1/pods?limit=x", "/api/v1/pods?continue=x", "/api/v1/namespaces/shop/none", "/apis/none.example/v1/things", "/apis/apps/v1/none", "/none",
		} {
			wantCode, wantText := ask(t, address, token, path)
			code, text := ask(t, ours, token, path)
			if d := cmp.Diff(shape(wantCode, wantText), shape(code, text)); d != "" {
				t.Errorf("%q asks for %s: -real +ours:\n%s", token, path, d)
			}
		}
	}
}
