package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"tiercel.dev/internal/cloudlog"
	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/probe"
)

// Exit codes of the commands, as their help says.
const (
	exitOK          = 0
	exitFailure     = 1 // ours, or the machine's
	exitMistake     = 2 // a flag, a rule file or a capture that cannot be used
	exitUnsupported = 3 // the kernel cannot be watched from here, or not all that was to be looked at
)

// ErrUnseen means that a command did what it could, and could not see all that it was to look at.
var ErrUnseen = errors.New("incomplete")

const exitHelp = `Exit codes: 0 done; 1 it went wrong; 2 a flag, rule file or capture cannot be used; 3 the kernel cannot be watched from here.`

// Execute runs root with args and returns the exit code. It ends on SIGINT and SIGTERM, and at once on the second.
func Execute(root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root.SetArgs(args)
	root.SetOut(stdout)
	said := newMessages(stderr)
	root.SetErr(said)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: %w; see %s --help", node.ErrMistake, err, c.CommandPath())
	})
	ran, err := root.ExecuteContextC(ctx)
	if err != nil {
		fmt.Fprintf(said, "%s: %s\n", ran.CommandPath(), shown(err.Error()))
	}
	grace := time.Minute
	if ctx.Err() != nil {
		grace = 100 * time.Millisecond // it was told to stop, and outputs had their part of the second
	}
	said.close(grace)
	return exitCode(err)
}

// shown escapes what a terminal would act on: names of files come from anywhere. Line breaks and tabs stay, which
// excerpts of rule files are made of.
func shown(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		if r == '\n' || r == '\t' || unicode.IsPrint(r) && !(r == utf8.RuneError && n == 1) {
			b.WriteString(text[:n])
		} else {
			quoted := strconv.Quote(text[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		text = text[n:]
	}
	return b.String()
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, node.ErrMistake):
		return exitMistake
	case errors.Is(err, probe.ErrUnsupported), errors.Is(err, probe.ErrMemory), errors.Is(err, ErrUnseen):
		return exitUnsupported
	}
	return exitFailure
}

// noArgs is cobra's, as a mistake of the user's.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: %s takes no argument, and was given %q", node.ErrMistake, c.CommandPath(), args[0])
	}
	return nil
}

// logging are the flags of the sensor's own messages, which go to standard error.
type logging struct{ format, level string }

func (l *logging) add(c *cobra.Command) {
	c.Flags().StringVar(&l.format, "log-format", "text", "the sensor's own messages: text, or json as Cloud Logging reads it")
	c.Flags().StringVar(&l.level, "log-level", "info", "least `level` of those: debug, info, warn or error")
}

func (l *logging) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("%w: --log-level %q: want debug, info, warn or error", node.ErrMistake, l.level)
	}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})), nil
	case "json":
		return slog.New(cloudlog.NewHandler(w, level)), nil
	}
	return nil, fmt.Errorf("%w: --log-format %q: want text or json", node.ErrMistake, l.format)
}
