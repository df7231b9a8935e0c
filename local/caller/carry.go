package caller

import (
	"context"
	"net/http"
)

type account struct{}

// As has calls in a context be those of an account, where they are made by [Carrier].
func As(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, account{}, who)
}

// nobody is who calls in a context that belongs to no account.
const nobody = "nobody"

// A Carrier makes calls by REST in the name of their context's account: several functions that share a client are who they are.
type Carrier struct{}

// RoundTrip is [http.RoundTripper]'s.
func (Carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	who, ok := r.Context().Value(account{}).(string)
	if !ok {
		who = nobody
	}
	r = r.Clone(r.Context())
	r.Header.Set(Header, who)
	return http.DefaultTransport.RoundTrip(r)
}

// Handle has a handler, and what it calls, be an account's.
func Handle(h http.Handler, who string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(As(r.Context(), who))) })
}
