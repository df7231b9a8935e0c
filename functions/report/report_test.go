package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"image/png"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/mail/clients"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/storage"
)

// world is a bucket with the sample's company in it, and whoever gets its mails.
type world struct {
	t      *testing.T
	bucket *objects.Bucket
	now    time.Time
	sent   []mail.Message
	refuse error
}

func (w *world) Send(_ context.Context, m mail.Message) error {
	if w.refuse != nil {
		return w.refuse
	}
	w.sent = append(w.sent, m)
	return nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	b, err := objects.NewBucket(t.Context(), "b", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bucket: b}
	w.put(report.SettingsName, []byte(sample.Settings))
	return w
}

func (w *world) put(name string, v any) {
	w.t.Helper()
	if err := sample.Put(w.t.Context(), w.bucket, name, v); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) reporter() *report.Reporter {
	return report.NewReporter(report.Config{
		Store: w.bucket, Sender: w, Version: "v0.9.0", Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
	})
}

// week fills in a week and sends its reports.
func (w *world) week(n int) {
	w.t.Helper()
	if err := sample.Fill(w.t.Context(), w.bucket, n); err != nil {
		w.t.Fatal(err)
	}
	w.now = sample.Monday(n).Add(3 * time.Hour)
	if err := w.reporter().Report(w.t.Context(), report.Request{}); err != nil {
		w.t.Fatal(err)
	}
}

// months are the mails of the last week of the sample's two months. They are made once: each of the 27 mails has charts drawn.
func months(t *testing.T) []mail.Message {
	t.Helper()
	if twoMonths == nil {
		w := newWorld(t)
		for week := range sample.Weeks {
			w.sent = nil
			w.week(week)
		}
		twoMonths = w.sent
	}
	return twoMonths
}

var twoMonths []mail.Message

func TestReport(t *testing.T) {
	sent := months(t)
	if len(sent) != 3 {
		t.Fatalf("%d mails", len(sent))
	}
	for _, m := range sent {
		var ids []string
		for _, p := range m.Pictures {
			ids = append(ids, p.Name)
			shot, err := png.Decode(bytes.NewReader(p.Data))
			if err != nil || shot.Bounds().Dx() != 1148 {
				t.Errorf("%s: %v, %v", p.Name, shot.Bounds(), err)
			}
			if _, _, _, alpha := shot.At(0, 0).RGBA(); alpha != 0xffff {
				t.Errorf("%s is not opaque", p.Name)
			}
		}
		for _, e := range clients.Check(m.HTML, ids...) {
			t.Errorf("%s: %v", m.Subject, e)
		}
		keep(t, m)
	}
	m := sent[0]
	if strings.Contains(string(m.HTML), "more clusters") {
		t.Errorf("a dozen clusters are cut, with %d bytes", len(m.HTML))
	}
	for _, want := range []string{"[GKE hardening] ", " critical new, score ", ", 12 clusters, INCOMPLETE: 1"} {
		if !strings.Contains(m.Subject, want) {
			t.Errorf("subject %q lacks %q", m.Subject, want)
		}
	}
	// In both forms stands what a reader must not miss.
	for _, want := range []string{
		"ledger", "Control plane reachable from any address", "GCP-2026-058", "CLIENTS_PENDING", "GKE completes the rotation by itself", "freeze-q4",
		"container.clusterRoleBindings.list", "reverse_shell", "dana@acme.example", "5.6.3", "legacy-batch", "sensor missing", "Regressed", "Fixed",
		"No longer verified", "20261123T060000Z", "7c1f9a02be44", "v0.9.0", "--enable-master-authorized-networks",
	} {
		if !strings.Contains(string(m.HTML), want) {
			t.Errorf("the HTML lacks %q", want)
		}
		if !strings.Contains(m.Text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
	attachments(t, m)
}

func attachments(t *testing.T, m mail.Message) {
	t.Helper()
	var read struct {
		Clusters []struct{ Resource struct{ Cluster string } }
		Changes  map[string][]json.RawMessage
	}
	if err := json.Unmarshal(m.Attached[0].Data, &read); err != nil || len(read.Clusters) != 12 || len(read.Changes["new"]) == 0 {
		t.Errorf("report.json: %d clusters, %v", len(read.Clusters), err)
	}
	rows, err := csv.NewReader(bytes.NewReader(m.Attached[1].Data)).ReadAll()
	if err != nil || len(rows) < 20 || rows[1][0] != "new" {
		t.Errorf("findings.csv: %d rows, %v", len(rows), err)
	}
}

// keep leaves a mail where scripts/mail-pictures asks for it.
func keep(t *testing.T, m mail.Message) {
	t.Helper()
	dir := os.Getenv("TIERCEL_KEEP_MAIL")
	if dir == "" {
		return
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(m.List, ""), ".")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, name+".html"), mail.Inline(m.HTML, m.Pictures), 0o644),
		os.WriteFile(filepath.Join(dir, name+".txt"), []byte(m.Text), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func decode(t *testing.T, data []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}
