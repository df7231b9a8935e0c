package idtoken_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tiercel.dev/internal/idtoken"
	"tiercel.dev/local/oidc"
)

const (
	audience = "https://approve.example.com"
	alice    = "alice@example.com"
)

var now = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func accounts(t *testing.T, at time.Time) *oidc.Accounts {
	t.Helper()
	a, err := oidc.New(func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func token(t *testing.T, a *oidc.Accounts, audience string) string {
	t.Helper()
	text, err := a.Token(alice, audience)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// verifier knows the keys of a's, at a time.
func verifier(t *testing.T, keys http.Handler, at time.Time) *idtoken.Verifier {
	t.Helper()
	s := httptest.NewServer(keys)
	t.Cleanup(s.Close)
	return idtoken.New(idtoken.Config{Keys: s.URL, Now: func() time.Time { return at }})
}

func TestEmail(t *testing.T) {
	google := accounts(t, now)
	v := verifier(t, google.Keys(), now)
	if got, err := v.Email(t.Context(), token(t, google, audience), "https://other.example.com", audience); got != alice || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// sign makes a token of any claims and header, by a key of the test's own.
func sign(t *testing.T, key *rsa.PrivateKey, method jwt.SigningMethod, by any, change func(jwt.MapClaims)) string {
	t.Helper()
	c := jwt.MapClaims{
		"iss": "https://accounts.google.com", "aud": audience, "email": alice, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	change(c)
	j := jwt.NewWithClaims(method, c)
	j.Header["kid"] = "local"
	text, err := j.SignedString(by)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Whatever is wrong with a token, it proves nothing, and the error says that it is the token's.
func TestRefusesWhatProvesNothing(t *testing.T) {
	google, forger := accounts(t, now), accounts(t, now)
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	good := token(t, google, audience)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"local"}`))
	public := jwkSet("local", own)
	for name, tt := range map[string]struct {
		keys  http.Handler
		token string
		at    time.Time
	}{
		"another key":           {google.Keys(), token(t, forger, audience), now},
		"another audience":      {google.Keys(), token(t, google, "https://other.example.com"), now},
		"gcloud's audience":     {google.Keys(), token(t, google, idtoken.Gcloud), now},
		"expired":               {google.Keys(), good, now.Add(2 * time.Hour)},
		"of the future":         {google.Keys(), good, now.Add(-time.Hour)},
		"alg none":              {google.Keys(), none + "." + parts[1] + ".", now},
		"alg none, signed":      {google.Keys(), none + "." + parts[1] + "." + parts[2], now},
		"another's signature":   {google.Keys(), strings.Join([]string{parts[0], strings.Split(token(t, google, "x"), ".")[1], parts[2]}, "."), now},
		"Cloud Run's remainder": {google.Keys(), parts[0] + "." + parts[1] + ".SIGNATURE_REMOVED_BY_GOOGLE", now},
		"nothing":               {google.Keys(), "", now},
		"much":                  {google.Keys(), strings.Repeat("a", 1<<20), now},
		"a public key for HMAC": {public, sign(t, own, jwt.SigningMethodHS256, own.N.Bytes(), func(jwt.MapClaims) {}), now},
		"another issuer":        {public, sign(t, own, jwt.SigningMethodRS256, own, func(c jwt.MapClaims) { c["iss"] = "https://accounts.example.com" }), now},
		"no verified address":   {public, sign(t, own, jwt.SigningMethodRS256, own, func(c jwt.MapClaims) { c["email_verified"] = false }), now},
		"no address":            {public, sign(t, own, jwt.SigningMethodRS256, own, func(c jwt.MapClaims) { delete(c, "email") }), now},
		"no end":                {public, sign(t, own, jwt.SigningMethodRS256, own, func(c jwt.MapClaims) { delete(c, "exp") }), now},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := verifier(t, tt.keys, tt.at).Email(t.Context(), tt.token, audience)
			if who != "" || !errors.Is(err, idtoken.ErrInvalid) {
				t.Errorf("%q, %v", who, err)
			}
		})
	}
	if who, err := verifier(t, public, now).Email(t.Context(), sign(t, own, jwt.SigningMethodRS256, own, func(jwt.MapClaims) {}), audience); who != alice {
		t.Errorf("the tokens are wrong in more than they say: %q, %v", who, err)
	}
}

func jwkSet(kid string, key *rsa.PrivateKey) http.Handler {
	n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"keys":[{"kty":"EC","kid":"other"},{"kty":"RSA","kid":"` + kid + `","e":"AQAB","n":"` + n + `"}]}`))
	})
}

// Without keys nobody knows whose a token is, and that is another error.
func TestKeysThatAreNotToBeHad(t *testing.T) {
	google := accounts(t, now)
	good := token(t, google, audience)
	for name, keys := range map[string]http.HandlerFunc{
		"no answer":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"no set":       func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) },
		"an empty set": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"keys":[]}`)) },
		"a key of 1 bit": func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte(`{"keys":[{"kty":"RSA","kid":"local","n":"AQ","e":"AQ"}]}`))
		},
	} {
		who, err := verifier(t, keys, now).Email(t.Context(), good, audience)
		if who != "" || err == nil || errors.Is(err, idtoken.ErrInvalid) {
			t.Errorf("%s: %q, %v", name, who, err)
		}
	}
}

// Google shows a key before it signs by it: one that is not known is asked for, and made-up names are not asked for each time.
func TestNewKeys(t *testing.T) {
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys, asked, at := accounts(t, now).Keys(), 0, now
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked++; keys.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	v := idtoken.New(idtoken.Config{Keys: s.URL, Now: func() time.Time { return at }})
	j := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss": "accounts.google.com", "aud": audience, "email": alice, "email_verified": true, "exp": now.Add(time.Hour).Unix(),
	})
	j.Header["kid"] = "new"
	text, err := j.SignedString(own)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := v.Email(t.Context(), text, audience); !errors.Is(err, idtoken.ErrInvalid) {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	keys, at = jwkSet("new", own), now.Add(2*time.Minute)
	if who, err := v.Email(t.Context(), text, audience); who != alice || err != nil {
		t.Errorf("%q, %v", who, err)
	}
}
