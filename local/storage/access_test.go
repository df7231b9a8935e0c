package storage

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/caller"
)

// A function writes its own part of the bucket and none of others', reads what it is to read, and is told that something is not there
// because it may list names; whoever is no function's account gets nothing.
func TestFunctionsAreRefusedOthersRecords(t *testing.T) {
	s := New()
	s.Guard(Granted(deployed.Infra("p")))
	h := httptest.NewServer(s)
	defer h.Close()
	dial := func(options ...option.ClientOption) *storage.ObjectsService {
		t.Helper()
		service, err := storage.NewService(t.Context(), append(options, option.WithEndpoint(h.URL+"/storage/v1/"))...)
		if err != nil {
			t.Fatal(err)
		}
		return service.Objects
	}
	people, functions := dial(option.WithoutAuthentication()), dial(option.WithHTTPClient(&http.Client{Transport: caller.Carrier{}}))
	for _, name := range []string{"rotate/p/l/c.json", "rotate/policy.yaml", "ledger/x/head"} {
		if _, err := people.Insert("b", &storage.Object{Name: name}).Media(bytes.NewReader([]byte("{}"))).Do(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		account, verb, name string
		want                int
	}{
		{"tiercel-route", "put", "ledger/x/head", 200}, {"tiercel-route", "put", "ledger/x/00", 200}, {"tiercel-route", "delete", "ledger/x/00", 200},
		{"tiercel-route", "get", "ledger/x/none", 404}, {"tiercel-route", "list", "", 200},
		{"tiercel-route", "put", "rotate/p/l/c.json", 403}, {"tiercel-route", "put", "rotate/p/l/new.json", 403}, {"tiercel-route", "put", "rotate/policy.yaml", 403},
		{"tiercel-route", "get", "rotate/p/l/c.json", 403}, {"tiercel-route", "delete", "rotate/p/l/c.json", 403},
		{"tiercel-rotate", "get", "rotate/policy.yaml", 200}, {"tiercel-rotate", "put", "rotate/policy.yaml", 403}, {"tiercel-rotate", "delete", "rotate/policy.yaml", 403},
		{"tiercel-rotate", "put", "rotate/p/l/c.json", 200}, {"tiercel-report", "get", "rotate/p/l/c.json", 200}, {"tiercel-report", "put", "rotate/p/l/c.json", 403},
		{"somebody", "get", "rotate/policy.yaml", 403}, {"somebody", "get", "none", 403}, {"somebody", "list", "", 403}, {"somebody", "put", "none", 403},
	} {
		ctx := caller.As(t.Context(), tt.account+"@p.iam.gserviceaccount.com")
		var err error
		switch tt.verb {
		case "put":
			_, err = functions.Insert("b", &storage.Object{Name: tt.name}).Media(bytes.NewReader([]byte("{}"))).Context(ctx).Do()
		case "get":
			_, err = functions.Get("b", tt.name).Context(ctx).Do()
		case "list":
			_, err = functions.List("b").Context(ctx).Do()
		case "delete":
			err = functions.Delete("b", tt.name).Context(ctx).Do()
		}
		got := http.StatusOK
		if refused, ok := err.(*googleapi.Error); ok {
			got = refused.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("%s: %s %q: %d, not %d", tt.account, tt.verb, tt.name, got, tt.want)
		}
	}
	// A call that belongs to no function is nobody's.
	if _, err := functions.List("b").Context(t.Context()).Do(); err == nil {
		t.Error("nobody lists")
	}
}
