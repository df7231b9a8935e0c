package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"tiercel.dev/sensor/probe"
)

// needBPF skips a test that needs the kernel, with the reason, or fails it where the kernel should be there.
func needBPF(t *testing.T, err error) {
	t.Helper()
	switch {
	case errors.Is(err, probe.ErrUnsupported) && os.Getenv("TIERCEL_REQUIRE_BPF") == "":
		t.Skip(err)
	default:
		t.Fatalf("the sensor ended with %v", err)
	}
}

// lockedBuffer takes a log from one goroutine and shows it to another.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func contextWithStop(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	return ctx, stop
}
