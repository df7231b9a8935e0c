package oidc

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"io"
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

// Secret is what [Accounts.Issue] is asked with, for the eyes of who runs the cloud.
func (a *Accounts) Secret() string { return a.secret }

// Issue gives out tokens to whoever has the secret, as gcloud does to who is logged in: ?account=ADDRESS&audience=URL. It is for a
// cloud whose user may be anybody in it, and which other users of the machine can reach.
func (a *Accounts) Issue() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+a.secret)) != 1 {
			http.Error(w, "the secret of who runs this cloud is needed", http.StatusForbidden)
			return
		}
		account, audience := r.URL.Query().Get("account"), r.URL.Query().Get("audience")
		if account == "" || audience == "" {
			http.Error(w, "account and audience are needed", http.StatusBadRequest)
			return
		}
		text, err := a.Token(account, audience)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, text) // whoever asked has left
	})
}
