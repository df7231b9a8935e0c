package main

import (
	"net/http/httptest"
	"testing"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"tiercel.dev/docs/stand"
)

func TestPushed(t *testing.T) {
	google := stand.NewGoogle(t)
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(google.Client()))
	if err != nil {
		t.Fatal(err)
	}
	var out stand.Buffer
	h := httptest.NewServer(&server{audience: stand.Audience, pusher: stand.Pusher, validate: validator.Validate, out: &out})
	t.Cleanup(h.Close)
	stand.TryPushed(t, google, h.URL, out.String)
}
