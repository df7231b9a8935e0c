package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// stuck is a standard error that takes nothing until it is let go.
type stuck struct {
	let chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.let
	return s.Buffer.Write(b)
}

// TestStopsWithStandardErrorStuck: who is told to end does, though nobody takes what it has to say.
func TestStopsWithStandardErrorStuck(t *testing.T) {
	w := &stuck{let: make(chan struct{})}
	defer close(w.let)
	c := &cobra.Command{Use: "test", RunE: func(c *cobra.Command, _ []string) error {
		for range 2 * maxMessages {
			fmt.Fprintln(c.ErrOrStderr(), "said")
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			return err
		}
		<-c.Context().Done()
		return errors.New("an output did not take everything")
	}}
	ended := make(chan int, 1)
	go func() { ended <- Execute(c, []string{}, io.Discard, w) }()
	select {
	case code := <-ended:
		if code != exitFailure {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("waits for standard error")
	}
}

func TestMessagesCountsWhatIsMissing(t *testing.T) {
	w := &stuck{let: make(chan struct{})}
	m := newMessages(w)
	for i := range maxMessages + 11 {
		fmt.Fprintln(m, i)
	}
	close(w.let)
	m.close(time.Minute)
	said := strings.Count(w.String(), "\n") - 1
	missing := maxMessages + 11 - said
	if missing < 10 || missing > 11 || !strings.Contains(w.String(), fmt.Sprintf("%d messages are missing here", missing)) {
		t.Errorf("%d of %d are there, and: %.60s", said, maxMessages+11, w.String())
	}
}
