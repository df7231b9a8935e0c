package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/internal/idtoken"
	"tiercel.dev/internal/objects"
)

// approveTries is how often an approval is tried where a tick writes the record at the same time.
const approveTries = 3

// Approve takes the request of a person whose address is verified. Errors: [ErrRefused], [ErrOld], or such as may pass.
func (t *Rotator) Approve(ctx context.Context, q Request, who string) (Answer, error) {
	policy, err := t.policy(ctx)
	if err != nil {
		return Answer{}, err
	}
	return t.approve(ctx, policy, q, who)
}

func (t *Rotator) approve(ctx context.Context, policy Policy, q Request, who string) (Answer, error) {
	if _, named := resourceOf(Name(q.Resource())); !named {
		return Answer{}, refuse("it names no cluster")
	}
	for try := 0; ; try++ {
		one, err := t.kept.read(ctx, Name(q.Resource()))
		if err != nil {
			return Answer{}, err
		}
		r, answer, err := approve(t.cfg.Now(), one.Record, policy, q, who, t.cfg.Nonce())
		if err != nil {
			return Answer{}, err
		}
		one.Record = r
		if err := t.kept.write(ctx, &one); errors.Is(err, objects.ErrConflict) && try < approveTries {
			continue
		} else if err != nil {
			return Answer{}, err
		}
		// What is told only now and fails is told by the next tick.
		if err := t.tell(ctx, &one); err != nil {
			t.cfg.Log.WarnContext(ctx, "approval not told yet", "err", err)
		}
		return answer, nil
	}
}

// maxRequest bounds the body of a request.
const maxRequest = 64 << 10

// An Approver is the function that people's approvals are sent to: a [Request] as JSON, with an ID token of Google's in the
// Authorization header that is made out for Audience. Where Cloud Run is to check the caller as well, the same token stands in
// X-Serverless-Authorization, and Cloud Run leaves the other as it is.
//
// Answers are an [Answer] as JSON with 200, or a text: 400 for what is no request, 401 for a token that proves nothing, 403 for
// what is refused, 409 where the rotation has gone on since the person looked, 503 for what may pass.
type Approver struct {
	Rotator  *Rotator
	Tokens   *idtoken.Verifier
	Audience string       // the function's URL
	Log      *slog.Logger // default slog.Default()
}

func (a Approver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	log := a.Log
	if log == nil {
		log = slog.Default()
	}
	answer, err := a.serve(w, r)
	if err == nil {
		log.InfoContext(r.Context(), "approval", "by", alert.Escape(answer.By), "approved", answer.Approved, "acknowledged", len(answer.Acknowledged))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer) // whoever asked has left
		return
	}
	log.WarnContext(r.Context(), "approval refused", "err", alert.Escape(err.Error()))
	code, text := http.StatusServiceUnavailable, "something went wrong: see the function's log, and try again"
	for is, as := range map[error]int{
		errRequest: http.StatusBadRequest, errMethod: http.StatusMethodNotAllowed, idtoken.ErrInvalid: http.StatusUnauthorized,
		ErrRefused: http.StatusForbidden, ErrOld: http.StatusConflict,
	} {
		if errors.Is(err, is) {
			code, text = as, err.Error()
		}
	}
	http.Error(w, text, code)
}

var (
	errRequest = errors.New("not a request")
	errMethod  = errors.New("an approval is a POST")
)

func (a Approver) serve(w http.ResponseWriter, r *http.Request) (Answer, error) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return Answer{}, errMethod
	}
	ctx := r.Context()
	policy, err := a.Rotator.policy(ctx)
	if err != nil {
		return Answer{}, err
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Answer{}, fmt.Errorf("%w: there is none", idtoken.ErrInvalid)
	}
	audiences := []string{a.Audience}
	if policy.GcloudTokens {
		audiences = append(audiences, idtoken.Gcloud)
	}
	who, err := a.Tokens.Email(ctx, token, audiences...)
	if err != nil {
		return Answer{}, err
	}
	var q Request
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return Answer{}, fmt.Errorf("%w: %w", errRequest, err)
	}
	return a.Rotator.approve(ctx, policy, q, who)
}
