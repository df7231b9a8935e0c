package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/capture"
)

// Record writes every event that rules could see into w, until ctx is done, and returns how many it wrote. The rules of
// cfg run beside it, so that one can see what a recorded act raised; their alerts go to cfg's outputs. If it cannot begin
// it writes nothing.
func Record(ctx context.Context, cfg Config, w io.Writer, log *slog.Logger) (uint64, error) {
	redactor, err := redactor(cfg)
	if err != nil {
		return 0, err
	}
	place, err := cfg.Place.withDefaults()
	if err != nil {
		return 0, err
	}
	begun := &gate{w: w}
	file, err := capture.NewWriter(begun, capture.Header{
		Sensor: Version(), Kernel: kernelRelease(), Arch: runtime.GOARCH, Node: place.Node, BootID: bootID(),
		Start: time.Now().UnixNano(), Redacted: cfg.Arguments,
	}, redactor)
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	n, err := begin(ctx, cfg, tap{
		event: func(ev *event.Event) {
			// The first error ends the recording: a capture with a hole in it is no capture.
			if err := file.Write(ev); err != nil {
				stop(fmt.Errorf("write the capture: %w", err))
			}
		},
		lists: func(addresses []string, ports []int64) {
			file.SetList(addressList, addresses, nil)
			file.SetList(portList, nil, ports)
		},
	}, log)
	if stopped(ctx, err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	begun.open = true
	go flushNowAndThen(ctx, file)
	err = n.run(ctx, nil)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if cause := context.Cause(ctx); err == nil && cause != context.Canceled && cause != context.DeadlineExceeded {
		err = cause
	}
	events, _ := file.Written()
	return events, err
}

// A gate keeps what is written until it is open: a recording that cannot begin writes nothing, so that the caller's older
// capture stays.
type gate struct {
	w    io.Writer
	open bool
	kept []byte
}

func (g *gate) Write(b []byte) (int, error) {
	if !g.open {
		g.kept = append(g.kept, b...)
		return len(b), nil
	}
	if len(g.kept) > 0 {
		if _, err := g.w.Write(g.kept); err != nil {
			return 0, err
		}
		g.kept = nil
	}
	return g.w.Write(b)
}

// flushNowAndThen bounds what a recorder that is killed loses to a second. Errors come back from the next Write.
func flushNowAndThen(ctx context.Context, file *capture.Writer) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = file.Flush()
		}
	}
}

// bootID is the kernel's name for this boot; "" if it cannot be read.
func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id))
}
