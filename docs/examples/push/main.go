// Push takes alerts that Pub/Sub pushes to it, with a wrapper or without, and writes a line of JSON for each to its standard output.
//
//	AUDIENCE=https://alerts.example.com PUSHER=tiercel-push@PROJECT.iam.gserviceaccount.com go run ./docs/examples/push
//
// Whoever finds its address can call it, so it lets in who proves to be Pub/Sub's account for this subscription, and nobody else.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"google.golang.org/api/idtoken"

	"tiercel.dev/alert"
)

func main() {
	google, err := idtoken.NewValidator(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "push:", err)
		os.Exit(1)
	}
	s := &server{audience: os.Getenv("AUDIENCE"), pusher: os.Getenv("PUSHER"), validate: google.Validate, out: os.Stdout}
	h := &http.Server{Addr: ":8080", Handler: s, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second}
	fmt.Fprintln(os.Stderr, "push:", h.ListenAndServe())
	os.Exit(1)
}

type server struct {
	audience string // what the subscription's token is made out for
	pusher   string // the account it is made out to
	validate func(ctx context.Context, token, audience string) (*idtoken.Payload, error)
	out      io.Writer
}

// maxBody is more than a message of 10 MB in base64.
const maxBody = 15 << 20

// ServeHTTP answers 204 once the alert is out: that acknowledges it. 4xx and 5xx have Pub/Sub deliver it again, and after 50 times
// put it among the dead letters.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.authenticate(r); err != nil {
		http.Error(w, "who are you?", http.StatusForbidden)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	a, err := read(r.Header, body)
	if err != nil {
		http.Error(w, "not an alert of Tiercel's", http.StatusBadRequest)
		return
	}
	if err := s.act(a); err != nil {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

var errStranger = errors.New("the token is not that of the subscription's account")

// authenticate checks the token's signature, audience and time, then whose it is and who issued it.
func (s *server) authenticate(r *http.Request) error {
	var token string
	if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer %s", &token); err != nil {
		return errStranger
	}
	p, err := s.validate(r.Context(), token, s.audience)
	if err != nil {
		return err
	}
	email, _ := p.Claims["email"].(string)
	verified, _ := p.Claims["email_verified"].(bool)
	if p.Issuer != "https://accounts.google.com" && p.Issuer != "accounts.google.com" || !verified || email != s.pusher {
		return errStranger
	}
	return nil
}

// read takes the alert out of a push: without a wrapper the body is the alert, and Pub/Sub's headers say that it is one.
func read(h http.Header, body []byte) (*alert.Alert, error) {
	if h.Get("X-Goog-Pubsub-Message-Id") == "" {
		var push struct {
			Message struct {
				Data []byte `json:"data"`
			} `json:"message"`
		}
		if err := json.Unmarshal(body, &push); err != nil {
			return nil, err
		}
		body = push.Message.Data
	}
	a, err := alert.Unmarshal(body)
	if err != nil {
		return nil, err
	}
	return a, alert.Validate(a)
}

// act may be called twice for the same alert, also at once and in two instances: so what it hands on has the key by which the next
// knows it again. A ticket system takes it as the external id, a chat as the thread, an HTTP API as its Idempotency-Key.
func (s *server) act(a *alert.Alert) error {
	if a.GetKind() != alert.KindAlert || a.GetEnrichment().GetPolicy().GetMuted() {
		return nil
	}
	line, err := json.Marshal(map[string]string{
		"once":     a.GetAlertId(),
		"thing":    a.GetCluster().GetName() + "/" + a.GetIdentity(),
		"severity": a.GetSeverity().String(),
		"title":    a.GetRule().GetTitle(),
		"text":     a.GetOutput(),
	})
	if err == nil {
		// What a program chose to write is nothing for a terminal: escape it wherever it is shown.
		_, err = s.out.Write(append(alert.EscapeJSON(line), '\n'))
	}
	return err
}
