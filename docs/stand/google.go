package stand

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/local/oidc"
)

// Audience and Pusher are whom tokens of pushes are for, and whose they are.
const (
	Audience = "https://alerts.example.com"
	Pusher   = "tiercel-push@p.iam.gserviceaccount.com"
)

// A Google signs tokens and shows the keys by which they are checked.
type Google struct {
	*oidc.Accounts
	Keys string // URL of its keys
}

// NewGoogle makes its key.
func NewGoogle(t testing.TB) *Google {
	t.Helper()
	accounts, err := oidc.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(accounts.Keys())
	t.Cleanup(keys.Close)
	return &Google{Accounts: accounts, Keys: keys.URL}
}

// Client takes every request for one for the keys, as if it were Google that answers.
func (g *Google) Client() *http.Client {
	there, _ := url.Parse(g.Keys)
	return &http.Client{Transport: redirect{there}}
}

type redirect struct{ to *url.URL }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL = r.to
	req.Host = ""
	return http.DefaultTransport.RoundTrip(req)
}

// Strangers are Authorization headers of callers who are not Pub/Sub for this subscription, by what is wrong with them.
func (g *Google) Strangers(t testing.TB) map[string]string {
	t.Helper()
	other := NewGoogle(t)
	sign := func(by *Google, account, audience string) string {
		text, err := by.Token(account, audience)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	good := sign(g, Pusher, Audience)
	_, rest, _ := strings.Cut(good, ".")
	return map[string]string{
		"nothing":          "",
		"no token":         "Bearer ",
		"no JWT":           "Bearer a.b.c",
		"another audience": sign(g, Pusher, "https://elsewhere.example.com"),
		"another account":  sign(g, "somebody@elsewhere.iam.gserviceaccount.com", Audience),
		"another signer":   sign(other, Pusher, Audience),
		"a signature less": good[:len(good)-10],
		// {"alg":"none"}
		"no algorithm": "Bearer eyJhbGciOiJub25lIiwia2lkIjoibG9jYWwifQ." + rest,
	}
}

// Push is a push configuration with a token, with a wrapper or without.
func Push(endpoint string, bare bool) *pb.PushConfig {
	c := &pb.PushConfig{PushEndpoint: endpoint, AuthenticationMethod: &pb.PushConfig_OidcToken_{
		OidcToken: &pb.PushConfig_OidcToken{ServiceAccountEmail: Pusher, Audience: Audience},
	}}
	if bare {
		c.Wrapper = &pb.PushConfig_NoWrapper_{NoWrapper: &pb.PushConfig_NoWrapper{WriteMetadata: true}}
	}
	return c
}

// Call calls an endpoint as anybody could, and returns the status.
func Call(ctx context.Context, t testing.TB, endpoint, authorization string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", authorization)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
