// Package oidc is Google's accounts as far as services call each other by them: it signs the tokens that pushes of Pub/Sub
// and calls of Cloud Scheduler carry, and asks callers for them as Cloud Run does.
// https://cloud.google.com/run/docs/authenticating/service-to-service
package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	issuer = "https://accounts.google.com"
	kid    = "local" // the key's name
	// valid is how long a token is, and fresh how much of it must be left for it to be given out again.
	valid = time.Hour
	fresh = 10 * time.Minute
)

// Claims are what a token says, beside what every token does.
type Claims struct {
	jwt.RegisteredClaims
	// For is the audience, a text: Google's libraries take no list, which is what others make of one.
	For             string `json:"aud"`
	AuthorizedParty string `json:"azp"`
	Email           string `json:"email"`
	EmailVerified   bool   `json:"email_verified"`
}

// GetAudience has the parser find it.
func (c Claims) GetAudience() (jwt.ClaimStrings, error) { return jwt.ClaimStrings{c.For}, nil }

// An Accounts signs tokens by a key of its own.
type Accounts struct {
	key    *rsa.PrivateKey
	now    func() time.Time
	secret string

	mu      sync.Mutex
	kept    map[[2]string]token // by account and audience
	checked map[[2]string]token // accounts, by token and audience: a signature takes longer to check than a push to send
}

type token struct {
	text  string
	until time.Time
}

// New makes a key. now is nil for time.Now.
func New(now func() time.Time) (*Accounts, error) {
	if now == nil {
		now = time.Now
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return &Accounts{key: key, now: now, secret: rand.Text(), kept: make(map[[2]string]token), checked: make(map[[2]string]token)}, nil
}

// Token is one by which an account, a service account's address, calls an audience, a service's URL.
func (a *Accounts) Token(account, audience string) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, key := a.now(), [2]string{account, audience}
	if t := a.kept[key]; t.until.Sub(now) > fresh {
		return t.text, nil
	}
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, Claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: account,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(valid)),
		},
		For: audience, AuthorizedParty: account, Email: account, EmailVerified: true,
	})
	t.Header["kid"] = kid
	text, err := t.SignedString(a.key)
	if err != nil {
		return "", fmt.Errorf("token of %s: %w", account, err)
	}
	a.kept[key] = token{text, now.Add(valid)}
	return text, nil
}

// Check returns whose token for an audience it is.
func (a *Accounts) Check(text, audience string) (account string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{text, audience}
	if known, ok := a.checked[key]; ok && a.now().Before(known.until) {
		return known.text, nil
	}
	var claims Claims
	_, err = jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return &a.key.PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(a.now))
	if err != nil {
		return "", err
	}
	a.checked[key] = token{claims.Email, claims.ExpiresAt.Time}
	return claims.Email, nil
}

// Require has next called by these accounts alone. audience is the service's URL, without a path at its end; each path below
// it is an audience of its own, as each function is.
func (a *Accounts) Require(next http.Handler, audience string, accounts ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			http.Error(w, "the request was not authenticated", http.StatusForbidden)
			return
		}
		account, err := a.Check(text, audience+r.URL.Path)
		switch {
		case err != nil:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			http.Error(w, "the access token could not be verified", http.StatusUnauthorized)
		case !slices.Contains(accounts, account):
			http.Error(w, "the account lacks run.routes.invoke", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
