package functions

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"

	"tiercel.dev/alert"
	"tiercel.dev/functions/report"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/posture"
)

// sender submits mail: to the server of the settings, unless the endpoints have another way. nil where there is no server.
func sender(s Settings, e Endpoints) mail.Sender {
	if e.Mail != nil || s.SMTP == "" {
		return e.Mail
	}
	host, text, err := net.SplitHostPort(s.SMTP)
	if err != nil {
		host, text = s.SMTP, "0" // the usual port
	}
	port, _ := strconv.Atoi(text) // the settings have looked at it
	return mail.SMTP{Host: host, Port: port, Username: s.SMTPUser, Password: s.SMTPPassword}
}

// notify has notices mailed to those that the report's settings name. Without a server they stand in the log alone: alerts and
// findings tell the same.
func notify(c shared, e Endpoints, log *slog.Logger) func(context.Context, posture.Notice) error {
	by := sender(c.settings, e)
	if by == nil {
		return func(ctx context.Context, n posture.Notice) error {
			log.WarnContext(ctx, "notice not mailed: TIERCEL_SMTP is not set", "key", alert.Escape(n.Key), "subject", alert.Escape(n.Subject))
			return nil
		}
	}
	return report.Notifier{Store: c.bucket, Sender: by, Now: e.clock()}.Notify
}

// newReporting makes the scheduled handler that sends reports, what is due or what the body asks for.
func newReporting(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	c, err := newShared(ctx, s, e)
	if err != nil {
		return nil, err
	}
	by := sender(s, e)
	if by == nil {
		return nil, errors.New("TIERCEL_SMTP is not set")
	}
	r := report.NewReporter(report.Config{Store: c.bucket, Sender: by, Version: version(), Now: e.clock(), Log: log})
	return reporting(r.Report, log), nil
}

// reporting serves a schedule, and people who ask for a report by the call's body. A request that will never succeed is told who
// asks, and is no reason for a schedule to call again.
func reporting(send func(context.Context, report.Request) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWork))
		var request report.Request
		if err == nil {
			request, err = report.ReadRequest(body)
		}
		if err != nil && r.Method == http.MethodPost {
			log.WarnContext(r.Context(), "report refused", "err", alert.Escape(err.Error()))
			http.Error(w, "the body is no request for a report: see the log", http.StatusBadRequest)
			return
		}
		scheduled(func(ctx context.Context) error {
			err := send(ctx, request)
			if errors.Is(err, fault.ErrPoison) {
				log.ErrorContext(ctx, "report not sent", "err", alert.Escape(err.Error()))
				return nil
			}
			return err
		}, log).ServeHTTP(w, r)
	})
}

// newReportWatch makes the scheduled handler that notices a report that did not come.
func newReportWatch(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	c, err := newShared(ctx, s, e)
	if err != nil {
		return nil, err
	}
	w := &report.Watch{Store: c.bucket, Project: s.Project, Publish: c.alerts().Publish, Now: e.clock(), Log: log}
	if c.findings != nil {
		w.Findings = c.asking(e.clock(), log)
	}
	if sender(s, e) != nil {
		w.Notify = notify(c, e, log)
	}
	return scheduled(w.Check, log), nil
}

// version is this module's, as it was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}
