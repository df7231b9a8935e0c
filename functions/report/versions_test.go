package report_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
	"time"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
)

// What an older program remembers is taken; by what a newer one does no report is made, and nothing of it is written over.
func TestVersionsOfWhatIsRemembered(t *testing.T) {
	pack := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(text))
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	summary := func(version string) []byte {
		return []byte(`{` + version + `"due":"` + sample.Monday(0).Format(time.RFC3339) + `","score":{},"clusters":[]}`)
	}
	for name, tt := range map[string]struct {
		below string
		data  []byte
		newer bool
	}{
		"an older summary": {"report/history/", summary(""), false}, "a newer summary": {"report/history/", summary(`"version":2,`), true},
		"an older state": {"report/state/", pack(`{"seen":{}}`), false}, "a newer state": {"report/state/", pack(`{"version":2,"seen":[]}`), true},
	} {
		w := newWorld(t)
		w.week(0)
		var kept objects.Object
		for o, err := range w.bucket.List(t.Context(), tt.below) {
			if err != nil {
				t.Fatal(err)
			}
			kept = o
		}
		generation, err := w.bucket.Put(t.Context(), kept.Name, tt.data, nil, kept.Generation)
		if err != nil {
			t.Fatal(err)
		}
		if err := sample.Fill(t.Context(), w.bucket, 1); err != nil {
			t.Fatal(err)
		}
		w.now, w.sent = sample.Monday(1).Add(3*time.Hour), nil
		err = w.reporter().Report(t.Context(), report.Request{})
		if errors.Is(err, objects.ErrVersion) != tt.newer || errors.Is(err, fault.ErrPoison) || (len(w.sent) == 0) != tt.newer {
			t.Errorf("%s: %v, %d mails", name, err, len(w.sent))
		}
		if tt.newer && !strings.Contains(err.Error(), kept.Name) {
			t.Errorf("%s: %v does not name it", name, err)
		}
		if o, err := w.bucket.Get(t.Context(), kept.Name); err != nil || o.Generation != generation {
			t.Errorf("%s: %v, written over", name, err)
		}
	}
}
