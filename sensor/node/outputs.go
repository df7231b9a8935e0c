package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/output/pubsub"
	"tiercel.dev/sensor/output/spool"
)

// openOutputs makes the outputs that the settings name.
func openOutputs(cfg Config, log *slog.Logger) (*output.Fanout, error) {
	specs := slices.Clone(cfg.Specs)
	var errs []error
	for _, setting := range cfg.Outputs {
		spec, err := output.Parse(setting)
		specs, errs = append(specs, spec), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	env := output.Env{
		Stdout: os.Stdout, Stderr: os.Stderr, NoColor: os.Getenv("NO_COLOR") != "",
		PubSub: pubsub.Config{Spool: spool.Config{Dir: cfg.Spool, Counter: counterFile(cfg.Spool)}, Options: cfg.PubSubOptions},
	}
	f, err := output.Open(cfg.Queue, specs, env, log)
	if errors.Is(err, output.ErrTwice) {
		err = fmt.Errorf("%w: %w", ErrMistake, err)
	}
	if err == nil && cfg.Beside != nil {
		f.Add("in-process", cfg.Beside, true)
	}
	return f, err
}

// counterFile is where the last alert's number is kept over a crash of this process, for the spool in dir: a file in
// shared memory. "" where there is none.
func counterFile(dir string) string {
	const shared = "/dev/shm"
	if st, err := os.Stat(shared); err != nil || !st.IsDir() {
		return ""
	}
	sum := sha256.Sum256([]byte(filepath.Clean(dir)))
	return filepath.Join(shared, "tiercel-"+hex.EncodeToString(sum[:8]))
}
