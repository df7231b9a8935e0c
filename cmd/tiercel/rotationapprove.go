package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions"
	"tiercel.dev/functions/rotate"
	"tiercel.dev/internal/posture"
	"tiercel.dev/local"
)

func rotationApproveCommand() *cobra.Command {
	a := approval{}
	cmd := &cobra.Command{
		Use:   "approve CLUSTER --phase start|complete",
		Short: "Approve the start or the completion of a rotation, or answer for what is in its way",
		Long: `Shows what is approved, asks, and sends it to the function that takes approvals, with an ID token that says who you are. An
approval is good for one call, for this cluster and certificate authority, until it expires; the completion takes one of its own.
With --acknowledge you answer for a blocker that may be passed over; tiercel rotation explain lists their ids.

The ID token is asked of gcloud: gcloud auth print-identity-token --audiences=URL. gcloud gives such tokens to service accounts
alone (so: --impersonate-service-account in your gcloud configuration); of people it has tokens for its own client, which the
function takes if the policy says gcloud_token: true. Another may be given in ` + tokenVariable + `.

` + rotationHelp + `

` + rotationExit,
		Example: `  tiercel rotation approve shop --phase start --bucket my-records --function https://approve-rotation-xyz.a.run.app
  tiercel rotation approve shop --phase complete --acknowledge clients-moved --acknowledge tokens-3f2a9c1b --expires 8h --bucket my-records \
    --function https://approve-rotation-xyz.a.run.app`,
		Args: oneCluster,
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, args[0]) },
	}
	a.flags.add(cmd)
	cmd.Flags().StringVar(&a.phase, "phase", "", "`phase` to approve: start or complete")
	cmd.Flags().StringArrayVar(&a.acknowledge, "acknowledge", nil, "answer for the blocker of this `id`; may be given more than once")
	cmd.Flags().DurationVar(&a.expires, "expires", 24*time.Hour, "how long the call may be made")
	cmd.Flags().StringVar(&a.function, "function", os.Getenv(functionVariable), "`URL` of the function ApproveRotation; default $"+functionVariable)
	cmd.Flags().StringVar(&a.as, "as", "", "with --local: the `address` of who approves")
	cmd.Flags().BoolVar(&a.yes, "yes", false, "do not ask")
	noFiles(cmd, "acknowledge", "expires", "function", "as")
	_ = cmd.RegisterFlagCompletionFunc("phase", cobra.FixedCompletions([]string{"start", "complete"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// Variables of the environment: the function's address, and an ID token, which is no argument since others see those.
const (
	functionVariable = "TIERCEL_APPROVE_URL"
	tokenVariable    = "TIERCEL_ID_TOKEN"
)

// An approval is one under way.
type approval struct {
	flags       rotationFlags
	phase       string
	acknowledge []string
	expires     time.Duration
	function    string
	as          string
	yes         bool
}

func (a *approval) run(cmd *cobra.Command, cluster string) error {
	ctx, stop := untilHangUp(cmd.Context())
	defer stop()
	if err := a.check(); err != nil {
		return err
	}
	r, err := a.flags.find(ctx, cluster)
	if err != nil {
		return err
	}
	q := rotate.Request{
		Project: r.Resource.Project, Location: r.Resource.Location, Cluster: r.Resource.Cluster, Phase: rotate.Phase(a.phase),
		CA: r.CA.Fingerprint, Nonce: r.Nonce, Expires: time.Now().Add(a.expires).UTC().Truncate(time.Second), Acknowledge: a.acknowledge,
	}
	if err := a.show(cmd.ErrOrStderr(), r, &q); err != nil {
		return err
	}
	if err := a.confirm(cmd); err != nil {
		return err
	}
	token, err := a.token(ctx)
	if err != nil {
		return err
	}
	answer, err := a.send(ctx, q, token)
	if err != nil {
		return err
	}
	if a.flags.json {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	return a.tell(cmd.OutOrStdout(), answer)
}

// check is what can be said before anybody is asked.
func (a *approval) check() error {
	if a.phase != string(rotate.Start) && a.phase != string(rotate.Complete) {
		return mistake{fmt.Errorf("--phase is %q, neither start nor complete", a.phase)}
	}
	if a.flags.local != "" {
		if a.as == "" {
			return mistake{errors.New("--local takes --as, the address of who approves")}
		}
		return nil
	}
	switch {
	case a.as != "":
		return mistake{errors.New("--as is for --local: elsewhere the ID token says who you are")}
	case a.function == "":
		return mistake{fmt.Errorf("give --function, the URL of ApproveRotation, or set %s", functionVariable)}
	case !strings.HasPrefix(a.function, "https://"):
		return mistake{fmt.Errorf("--function is %q, which does not begin with https://: your ID token would be there for others to read", a.function)}
	}
	return nil
}

// show says exactly what is approved.
func (a *approval) show(w io.Writer, r *rotate.Record, q *rotate.Request) error {
	e := explanation{w: w, width: widthOf(w), style: styleFor(w)}
	e.line("%s", e.style.bold(legible.Printable(fmt.Sprintf("%s the rotation of the credentials of %s", map[rotate.Phase]string{
		rotate.Start: "Start", rotate.Complete: "Complete"}[q.Phase], r.Resource.Cluster))))
	for _, f := range [][2]string{
		{"cluster", r.Resource.ClusterName()}, {"state", string(r.State)}, {"why", r.Reason}, {"authority", q.CA},
		{"good until", r.CA.NotAfter.UTC().Format(time.DateOnly)}, {"call until", at(q.Expires)},
	} {
		e.line("  %-11s %s", f[0], legible.Printable(f[1]))
	}
	e.answered(r.Blockers, q.Acknowledge)
	return e.err
}

// answered lists the blockers, and which of them the person is about to answer for.
func (e *explanation) answered(all []posture.Blocker, ids []string) {
	for _, b := range all {
		mark := "stays in the way"
		for _, id := range ids {
			if id == b.Acknowledge && id != "" {
				mark = "you answer for it"
			}
		}
		e.item(mark + ": " + b.What)
	}
}

// confirm asks on a terminal; elsewhere nobody can answer.
func (a *approval) confirm(cmd *cobra.Command) error {
	if a.yes {
		return nil
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || terminalOf(in) == nil {
		return mistake{errors.New("standard input is no terminal on which to ask: give --yes if you are sure")}
	}
	fmt.Fprint(cmd.ErrOrStderr(), "Approve? Type yes: ")
	text, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if strings.TrimSpace(text) != "yes" {
		return mistake{errors.New("not approved")}
	}
	return nil
}

// address is where the approval goes, and the audience that a token for it has.
func (a *approval) address() (address, audience string) {
	if a.flags.local != "" {
		return "http://" + a.flags.local + "/" + functions.ApproveRotation, local.Audience(functions.ApproveRotation)
	}
	return a.function, a.function
}

const maxAnswer = 1 << 20

// send sends it. What the function refuses is the user's to mend.
func (a *approval) send(ctx context.Context, q rotate.Request, token string) (answer rotate.Answer, err error) {
	body, err := json.Marshal(q)
	if err != nil {
		return answer, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	address, _ := a.address()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer, mistake{err}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	// Cloud Run checks this one, and leaves the other to the function.
	r.Header.Set("X-Serverless-Authorization", "Bearer "+token)
	// A redirect would take the token elsewhere.
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(r)
	if err != nil {
		return answer, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer))
	switch {
	case err != nil:
		return answer, err
	case got.StatusCode == http.StatusOK:
		return answer, json.Unmarshal(text, &answer)
	}
	err = fmt.Errorf("%s: %s: %s", address, got.Status, legible.Printable(strings.TrimSpace(string(text))))
	if got.StatusCode < http.StatusInternalServerError {
		err = mistake{err}
	}
	return answer, err
}

// tell says what became of it.
func (a *approval) tell(w io.Writer, answer rotate.Answer) error {
	e := explanation{w: w, width: widthOf(w), style: styleFor(w)}
	if answer.Approved {
		e.fill("", fmt.Sprintf("Approved by %s until %s. The rotation is %s.", answer.By, at(answer.Expires), answer.State))
	} else {
		e.fill("", fmt.Sprintf("Not approved: %s. The rotation is %s.", answer.Why, answer.State))
	}
	if n := len(answer.Acknowledged); n > 0 {
		e.fill("", fmt.Sprintf("%s answers for %s.", answer.By, strings.Join(answer.Acknowledged, ", ")))
	}
	e.blockers(answer.Left)
	return e.err
}
