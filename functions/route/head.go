package route

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
)

// leaseFor is how long a writer has a finding to itself. It is much longer than a write may take, so that a write that
// outlives it is one whose writer is dead.
const leaseFor = time.Minute

// A head says what was written of a finding, and by what alert it is described.
type head struct {
	id         string
	generation int64 // 0: not there yet

	Alert     *alert.Alert // the newest that was at hand for a write
	Severity  alert.Severity
	Written   uint64    // events that the finding says
	WrittenAt time.Time // zero: never
	Leased    time.Time // since when somebody writes; zero: nobody
	Refused   uint64    // the sum with which Security Command Center would not have the finding at all
}

// Metadata of a head.
const (
	metaSeverity  = "severity"
	metaWritten   = "written"
	metaWrittenAt = "written_at"
	metaLeased    = "writing"
	metaRefused   = "refused"
)

func headName(id string) string { return ledgerRoot + id + "/head" }

// leased reports whether somebody writes the finding now.
func (h *head) leased(now time.Time) bool {
	return !h.Leased.IsZero() && now.Sub(h.Leased) < leaseFor
}

// describe has the finding described by an alert, unless by a newer one. One of a time to come is older than any.
func (h *head) describe(a *alert.Alert, now time.Time) {
	if was := h.Alert.GetTime(); was <= a.GetTime() || was > alert.Time(now.UnixNano()) {
		h.Alert = a
	}
}

// head reads a finding's head, an empty one if there is none.
func (r *Router) head(ctx context.Context, id string) (*head, error) {
	o, err := r.cfg.Store.Get(ctx, headName(id))
	if errors.Is(err, objects.ErrNotFound) {
		return &head{id: id}, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := headOf(id, o)
	if err == nil {
		h.Alert, err = alert.Unmarshal(o.Data)
	}
	if err != nil {
		return nil, fault.Poison(fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err))
	}
	return h, nil
}

// headOf reads what a listing tells of a head: all but the alert.
func headOf(id string, o objects.Object) (*head, error) {
	h := &head{id: id, generation: o.Generation}
	var errs [5]error
	h.Written, errs[0] = number(o.Meta, metaWritten)
	h.Refused, errs[1] = number(o.Meta, metaRefused)
	h.WrittenAt, errs[2] = moment(o.Meta, metaWrittenAt)
	h.Leased, errs[3] = moment(o.Meta, metaLeased)
	severity, ok := alert.ParseSeverity(o.Meta[metaSeverity])
	if !ok {
		errs[4] = fmt.Errorf("%s: %q is no severity", metaSeverity, o.Meta[metaSeverity])
	}
	h.Severity = severity
	return h, errors.Join(errs[:]...)
}

// putHead writes h if nobody has since it was read, and notes its new generation.
func (r *Router) putHead(ctx context.Context, h *head) error {
	data, err := alert.Marshal(h.Alert, alert.EncodingBinary)
	if err != nil {
		return err
	}
	meta := map[string]string{metaSeverity: h.Alert.GetSeverity().String(), metaWritten: strconv.FormatUint(h.Written, 10)}
	if h.Refused != 0 {
		meta[metaRefused] = strconv.FormatUint(h.Refused, 10)
	}
	for key, at := range map[string]time.Time{metaWrittenAt: h.WrittenAt, metaLeased: h.Leased} {
		if !at.IsZero() {
			meta[key] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	generation, err := r.cfg.Store.Put(ctx, headName(h.id), data, meta, h.generation)
	if err != nil {
		return err
	}
	h.generation = generation
	return nil
}

func number(meta map[string]string, key string) (uint64, error) {
	if meta[key] == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(meta[key], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", key, err)
	}
	return n, nil
}

func moment(meta map[string]string, key string) (time.Time, error) {
	if meta[key] == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, meta[key])
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", key, err)
	}
	return t, nil
}
