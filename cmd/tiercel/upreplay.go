package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/probe"
)

// bundled is what somebody did in a container and on its node. scripts/bundle recorded it.
//
//go:embed bundled.capture
var bundled []byte

// replayMark stands before each line about what was not seen here and now.
const replayMark = "[replay] "

// watchOrReplay runs the sensor until ctx is done. Where the kernel cannot be watched, or force is set, it plays the bundled
// capture and says so: then it returns what was played.
func watchOrReplay(ctx context.Context, cfg node.Config, force bool, shown *findings, stdout io.Writer, log *slog.Logger) (*node.Replayed, error) {
	why := "this was asked for"
	if !force {
		err := node.Run(ctx, cfg, nil, log)
		if !errors.Is(err, probe.ErrUnsupported) {
			return nil, err
		}
		why = err.Error()
	}
	shown.mark(replayMark)
	say := func(text string) { fmt.Fprintln(stdout, replayMark+alert.Escape(text)) }
	say(why)
	say("so this is a recording of another machine, played as if it happened now: nothing of it is this machine's")
	cfg.Place.Node = "" // the recording's, which is no machine's
	// What stdout shows is to be marked, which the sensor's own output cannot do.
	cfg.Outputs = slices.DeleteFunc(slices.Clone(cfg.Outputs), func(o string) bool { return o == "stdout" })
	printer := newAlertPrinter(stdout, false)
	printer.before = replayMark
	seen, err := node.Rerun(ctx, cfg, bytes.NewReader(bundled), printer.show, log)
	if err != nil {
		return nil, fmt.Errorf("bundled capture: %w", err)
	}
	if ctx.Err() == nil {
		say(fmt.Sprintf("the recording is at its end, %s of %s; Ctrl-C ends", count(int(seen.Events), "event"), recordedAt(seen)))
		<-ctx.Done()
	}
	return &seen, nil
}

func recordedAt(seen node.Replayed) string {
	return time.Unix(0, seen.Header.Start).UTC().Format(time.DateOnly) + " on kernel " + seen.Header.Kernel
}

// replayed has the summary say that it is one of a replay.
func (s *summary) replayed(seen *node.Replayed) {
	s.Replay = "recorded " + recordedAt(*seen)
	s.Events = seen.ByKind
}
