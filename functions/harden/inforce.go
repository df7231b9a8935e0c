package harden

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"time"

	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/lookup"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
	"tiercel.dev/rules/source"
)

// Where the bucket holds what users write.
const (
	ExceptionsName = "harden/exceptions.yaml"
	ChecksRoot     = "harden/checks/" // with any NAME.yaml behind it, beside which NAME_test.yaml is none
)

// Rules are the checks and exceptions in force: those shipped, and the bucket's. They are read anew after a minute, so a change is
// in force then. A file with something wrong in it keeps runs from deciding at all, with its name and line in the log: without an
// exception findings would be opened that nobody wants, and without a check ended that somebody needs.
type Rules struct {
	store interface {
		Get(ctx context.Context, name string) (objects.Object, error)
		List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
	}
	kept *lookup.Cache[*inForce]
}

type inForce struct {
	set        *check.Set
	exceptions *check.Exceptions
	hash       string
}

const (
	keepRules     = time.Minute
	rulesTimeout  = 30 * time.Second
	keepNoRules   = 5 * time.Second
	maxCheckFiles = 100
)

// NewRules makes no request.
func NewRules(bucket *objects.Bucket) *Rules {
	return &Rules{store: bucket, kept: lookup.New(lookup.Config[*inForce]{Name: "checks", Size: 1, Timeout: rulesTimeout, Keep: func(_ *inForce, err error) time.Duration {
		if err != nil {
			return keepNoRules
		}
		return keepRules
	}})}
}

// Judge is [Assess] by the rules in force.
func (r *Rules) Judge(ctx context.Context, s *snapshot.Snapshot) (*posture.Cluster, error) {
	now, err := r.get(ctx)
	if err != nil {
		return nil, err
	}
	record := Assess(ctx, s, now.set, now.exceptions)
	record.RunSet = now.hash
	return record, ctx.Err()
}

// Check is the check of that id in force, false if there is none.
func (r *Rules) Check(ctx context.Context, id string) (posture.Check, bool, error) {
	now, err := r.get(ctx)
	if err != nil {
		return posture.Check{}, false, err
	}
	if c := now.set.Check(id); c != nil {
		return c.Check, true, nil
	}
	return posture.Check{}, false, nil
}

// Checks are those in force.
func (r *Rules) Checks(ctx context.Context) ([]posture.Check, error) {
	now, err := r.get(ctx)
	if err != nil {
		return nil, err
	}
	var all []posture.Check
	for _, c := range now.set.Checks() {
		all = append(all, c.Check)
	}
	return all, nil
}

func (r *Rules) get(ctx context.Context) (*inForce, error) { return r.kept.Get(ctx, "", r.read) }

func (r *Rules) read(ctx context.Context) (*inForce, error) {
	h := sha256.New()
	shipped, _, err := checks.Files()
	if err != nil {
		return nil, err
	}
	more, err := r.files(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range append(shipped, more...) {
		hashFile(h, f)
	}
	out := &inForce{hash: hex.EncodeToString(h.Sum(nil)[:8])}
	if out.set, err = checks.With(more...); err != nil {
		return nil, err
	}
	o, err := r.store.Get(ctx, ExceptionsName)
	if errors.Is(err, objects.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	out.exceptions, err = check.LoadExceptions(source.File{Name: ExceptionsName, Data: o.Data})
	return out, err
}

// files are the user's.
func (r *Rules) files(ctx context.Context) (all []source.File, err error) {
	for o, err := range r.store.List(ctx, ChecksRoot) {
		if err != nil {
			return nil, err
		}
		if path.Ext(o.Name) != ".yaml" || strings.HasSuffix(o.Name, "_test.yaml") {
			continue
		}
		if len(all) == maxCheckFiles {
			return nil, fmt.Errorf("%s has more than %d files", ChecksRoot, maxCheckFiles)
		}
		if o, err = r.store.Get(ctx, o.Name); err != nil {
			return nil, err
		}
		all = append(all, source.File{Name: o.Name, Data: o.Data})
	}
	return all, nil
}

func hashFile(w io.Writer, f source.File) {
	fmt.Fprintf(w, "%d:%s%d:%s", len(f.Name), f.Name, len(f.Data), f.Data)
}
