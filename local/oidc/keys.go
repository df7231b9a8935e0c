package oidc

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
)

// Keys shows the key by which tokens are checked, as Google shows its own: a JWK set.
// https://www.googleapis.com/oauth2/v3/certs
func (a *Accounts) Keys() http.Handler {
	public := a.key.PublicKey
	set := map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(set) // whoever asked has left
	})
}
