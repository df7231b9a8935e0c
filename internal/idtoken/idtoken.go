// Package idtoken tells who it is that brings an ID token of Google's, and for whom the token was made out. It says nothing of what
// the bearer may do.
//
// Signatures are checked here, and not left to Cloud Run: its own check takes the signature out of the header that it has
// checked, and tells the service nothing that a caller could not have written.
// https://cloud.google.com/run/docs/authenticating/service-to-service
package idtoken

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tiercel.dev/internal/lookup"
)

// GoogleKeys is where Google shows the keys of its accounts, as a JWK set.
// https://developers.google.com/identity/openid-connect/openid-connect#discovery
const GoogleKeys = "https://www.googleapis.com/oauth2/v3/certs"

// Gcloud is the audience of tokens that gcloud gives to people: its own client. It can ask for another for service accounts
// alone.
const Gcloud = "32555940559.apps.googleusercontent.com"

// ErrInvalid means that a token proves nothing. After another error nobody knows: the keys were not to be had.
var ErrInvalid = errors.New("the token is not valid")

// issuers are the names that Google signs by.
var issuers = []string{"https://accounts.google.com", "accounts.google.com"}

const (
	keepKeys  = time.Hour
	keepError = 10 * time.Second
	// young is how old the keys may be that an unknown one is not among: Google shows a key before it signs by it.
	young       = time.Minute
	keysTimeout = 10 * time.Second
	maxKeys     = 1 << 20
	maxToken    = 16 << 10
	leeway      = 30 * time.Second
)

// Config of [New]. The zero value is for Google's own accounts.
type Config struct {
	Keys   string           // default [GoogleKeys]
	Client *http.Client     // default http.DefaultClient
	Now    func() time.Time // default time.Now
}

// A Verifier is safe for concurrent use.
type Verifier struct {
	cfg  Config
	keys *lookup.Cache[map[string]*rsa.PublicKey]
}

// New makes no request.
func New(cfg Config) *Verifier {
	if cfg.Keys == "" {
		cfg.Keys = GoogleKeys
	}
	if cfg.Client == nil {
		cfg.Client = http.DefaultClient
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Verifier{cfg: cfg, keys: lookup.New(lookup.Config[map[string]*rsa.PublicKey]{
		Name: "keys", Size: 1, Timeout: keysTimeout, Now: cfg.Now, Keep: func(_ map[string]*rsa.PublicKey, err error) time.Duration {
			if err != nil {
				return keepError
			}
			return keepKeys
		},
	})}
}

// claims are what counts of a token.
type claims struct {
	jwt.RegisteredClaims
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
}

// Email is whose the token is: an address that Google has verified. The token must be made out for one of the audiences. Errors:
// [ErrInvalid], or those of reading the keys.
func (v *Verifier) Email(ctx context.Context, token string, audiences ...string) (string, error) {
	if len(token) > maxToken {
		return "", fmt.Errorf("%w: it has %d bytes", ErrInvalid, len(token))
	}
	var c claims
	var failed error // to read keys
	_, err := jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		key, err := v.key(ctx, id)
		if errors.Is(err, ErrInvalid) {
			return nil, err
		}
		failed = err
		return key, err
	}, jwt.WithValidMethods([]string{"RS256"}), jwt.WithAudience(audiences...), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithStrictDecoding(), jwt.WithTimeFunc(v.cfg.Now))
	switch {
	case failed != nil:
		return "", failed
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	case c.Issuer != issuers[0] && c.Issuer != issuers[1]:
		return "", fmt.Errorf("%w: it is of issuer %q", ErrInvalid, c.Issuer)
	case c.Email == "" || !c.EmailVerified:
		return "", fmt.Errorf("%w: it names no verified e-mail address", ErrInvalid)
	}
	return c.Email, nil
}

// key is the one of that name. One that is not among the keys may be new.
func (v *Verifier) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	keys, err := v.keys.Get(ctx, v.cfg.Keys, v.read)
	if err == nil && keys[id] == nil {
		keys, err = v.keys.GetSince(ctx, v.cfg.Keys, v.cfg.Now().Add(-young), v.read)
	}
	if err != nil {
		return nil, fmt.Errorf("keys of ID tokens: %w", err)
	}
	if keys[id] == nil {
		return nil, fmt.Errorf("%w: its key is none of Google's", ErrInvalid)
	}
	return keys[id], nil
}

// read reads the keys.
func (v *Verifier) read(ctx context.Context) (map[string]*rsa.PublicKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.cfg.Keys, nil)
	if err != nil {
		return nil, err
	}
	answer, err := v.cfg.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", v.cfg.Keys, answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxKeys))
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// parse reads a JWK set (RFC 7517), of which keys for RS256 count.
func parse(data []byte) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []struct{ Kid, Kty, N, E string } `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("JWK set: %w", err)
	}
	keys := map[string]*rsa.PublicKey{}
	for _, k := range set.Keys {
		if k.Kty != "RSA" || k.Kid == "" {
			continue
		}
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		if err != nil {
			return nil, fmt.Errorf("JWK %q: n: %w", k.Kid, err)
		}
		e, err := base64.RawURLEncoding.DecodeString(k.E)
		if err != nil {
			return nil, fmt.Errorf("JWK %q: e: %w", k.Kid, err)
		}
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if len(e) > 4 || key.N.BitLen() < 2048 || key.E < 3 {
			return nil, fmt.Errorf("JWK %q: %d bits, and exponent %d", k.Kid, key.N.BitLen(), key.E)
		}
		keys[k.Kid] = key
	}
	if len(keys) == 0 {
		return nil, errors.New("JWK set: it has no key of RSA")
	}
	return keys, nil
}
