package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tiercel.dev/functions/report"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/sensor/node"
)

func reportCommand() *cobra.Command {
	var records recordFlags
	var preview bool
	var from, name, to string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Show the report that would be mailed",
		Long: `Makes the report of now from what the scheduled functions have left in their bucket, and sends it to nobody. It writes report.html,
with its pictures inside, for a browser; report.txt, report.json and findings.csv; and report.eml, the mail as it would be sent. It changes
nothing, and the weekly report compares with the last weekly one all the same.

The records come from --bucket, from --local, or from a copy of the bucket in a folder, --from DIR (gcloud storage cp -r gs://BUCKET/* DIR).
A copy lacks the runtime alerts' counts, which stand in objects' metadata.

Exit codes: 0 done; 1 it went wrong, or there is no run of the checks yet; 2 your mistake: a wrong flag, a report that is not in the settings.`,
		Example: `  tiercel report --preview --bucket acme-tiercel
  tiercel report --preview --local localhost:8081 --report payments --to /tmp/payments`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !preview {
				return mistake{errors.New("give --preview: reports are sent by the function SendReport")}
			}
			store, err := reportStore(cmd.Context(), from, &records)
			if err != nil {
				return err
			}
			m, err := report.Preview(cmd.Context(), store, time.Now(), name, node.Version())
			if errors.Is(err, report.ErrNoReport) {
				return mistake{err}
			}
			if err != nil {
				return err
			}
			if err := writeReport(m, to); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), mail.Header(m.Subject))
			fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(to, "report.html"))
			return nil
		},
	}
	records.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&preview, "preview", false, "write the report to a folder, and send it to nobody")
	f.StringVar(&from, "from", "", "`folder` with a copy of the bucket")
	f.StringVar(&name, "report", "", "`name` of the report in report/settings.yaml; default the first")
	f.StringVar(&to, "to", "tiercel-report", "`folder` to write to")
	noFiles(cmd, "report")
	return cmd
}

func reportStore(ctx context.Context, from string, records *recordFlags) (report.Store, error) {
	if from == "" {
		return records.open(ctx)
	}
	if info, err := os.Stat(from); err != nil {
		return nil, mistake{err}
	} else if !info.IsDir() {
		return nil, mistake{fmt.Errorf("--from %s is no folder", from)}
	}
	return folder(from), nil
}

// writeReport writes the mail in parts, each by itself.
func writeReport(m mail.Message, to string) error {
	raw, err := m.Raw()
	if err != nil {
		return err
	}
	files := append([]mail.Part{
		{Name: "report.html", Data: mail.Inline(m.HTML, m.Pictures)}, {Name: "report.txt", Data: []byte(m.Text)}, {Name: "report.eml", Data: raw},
	}, m.Attached...)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		// It says what is wrong with clusters.
		if err := os.WriteFile(filepath.Join(to, f.Name), f.Data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

var _ report.Store = (*objects.Bucket)(nil)
