package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tiercel.dev/functions"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/objects"
)

// approvers are who approves the phases of rotations of simulated clusters, as somebody does with `tiercel rotation approve`.
var approvers = map[rotate.Phase]string{rotate.Start: "ana@example.com", rotate.Complete: "ben@example.com"}

// answerAfter is how long they take, by the simulation's clock.
const answerAfter = 3 * time.Hour

// approve has people approve what waits for them, and answer for what they may.
func (f *estate) approve(ctx context.Context) error {
	records, err := objects.NewBucket(ctx, Bucket, f.cloud.storage()...)
	if err != nil {
		return err
	}
	all, err := rotate.All(ctx, records)
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range all {
		phase := rotate.Start
		switch r.Stage() {
		case rotate.Due:
		case rotate.ClientsPending, rotate.Ready:
			phase = rotate.Complete
		default:
			continue
		}
		if r.Given != nil || r.Resource.Cluster != "payments" || f.now().Sub(r.Since) < answerAfter {
			continue
		}
		request := rotate.Request{
			Project: r.Resource.Project, Location: r.Resource.Location, Cluster: r.Resource.Cluster, Phase: phase, CA: r.CA.Fingerprint, Nonce: r.Nonce,
			Expires: f.now().Add(48 * time.Hour),
		}
		for _, b := range r.Blockers {
			if b.Acknowledge != "" {
				request.Acknowledge = append(request.Acknowledge, b.Acknowledge)
			}
		}
		errs = append(errs, f.send(ctx, request))
	}
	return errors.Join(errs...)
}

// send sends one approval, with the person's own token.
func (f *estate) send(ctx context.Context, q rotate.Request) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	token, err := f.cloud.accounts.Token(approvers[q.Phase], approveURL)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+f.cloud.calls+"/"+functions.ApproveRotation, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	switch {
	case err != nil:
		return err
	case answer.StatusCode == http.StatusOK, answer.StatusCode == http.StatusConflict: // the rotation has gone on meanwhile
		return nil
	}
	return fmt.Errorf("approval of %s: %s: %s", q.Cluster, answer.Status, said)
}
