package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
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
func watchOrReplay(ctx context.Context, cfg node.Config, force bool, s *show, log *slog.Logger) (*node.Replayed, error) {
	why := "this was asked for"
	if !force {
		err := node.Run(ctx, cfg, nil, log)
		if !errors.Is(err, probe.ErrUnsupported) {
			return nil, err
		}
		why = err.Error()
	}
	s.out.mark(replayMark)
	s.out.line("%s", alert.Escape(why))
	s.out.line("so this is a recording of another machine, played as if it happened now: nothing of it is this machine's")
	s.about.Replay = true
	cfg.Place.Node = "" // the recording's, which is no machine's
	seen, err := node.Rerun(ctx, cfg, bytes.NewReader(bundled), log)
	if err != nil {
		return nil, fmt.Errorf("bundled capture: %w", err)
	}
	s.played(seen.ByKind)
	if ctx.Err() == nil {
		s.out.line("the recording is at its end, %s of %s; Ctrl-C ends", counted(seen.Events, "event"), recordedAt(seen))
		<-ctx.Done()
	}
	return &seen, nil
}

// played tells the board what there was of which kind, which a sensor's heartbeats would.
func (s *show) played(events map[string]uint64) {
	h := new(alert.Heartbeat)
	for kind, n := range events {
		h.Events = append(h.Events, &alert.Count{Kind: kind, Count: n})
	}
	s.board.Alert(&alert.Alert{Kind: alert.KindHeartbeat, Time: alert.Time(time.Now().UnixNano()), Heartbeat: h})
}

func recordedAt(seen node.Replayed) string {
	return time.Unix(0, seen.Header.Start).UTC().Format(time.DateOnly) + " on kernel " + seen.Header.Kernel
}

// replayed has the summary say that it is one of a replay.
func (s *summary) replayed(seen *node.Replayed) {
	s.Replay = "recorded " + recordedAt(*seen)
}
