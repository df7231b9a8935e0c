package local

import (
	"bufio"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tiercel.dev/alert"
)

func (r *run) settled() {
	r.t.Helper()
	r.until("the alerts to be handled", r.cloud.Settled)
	if err := r.cloud.Flush(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
}

// count is the events of the one finding there is.
func (r *run) count() float64 {
	r.t.Helper()
	all := r.cloud.Findings()
	if len(all) != 1 {
		r.t.Fatalf("%d findings: %v", len(all), all)
	}
	return all[0].SourceProperties["count"].GetNumberValue()
}

// A finding outlives the cloud, and what repeats it goes on counting; what was counted is not counted again.
func TestARestartGoesOn(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	first.publish(shell(1, alert.High))
	first.publish(shell(2, alert.High))
	first.settled()
	if n := first.count(); n != 2 {
		t.Fatalf("%v events", n)
	}
	first.close()

	second := open(t, dir)
	defer second.close()
	if n := second.count(); n != 2 {
		t.Fatalf("%v events after a restart", n)
	}
	second.publish(shell(2, alert.High)) // from a spool whose acknowledgement was lost
	second.publish(shell(3, alert.High))
	second.settled()
	second.until("the repeat to be written", func() bool { return second.cloud.Flush(t.Context()) == nil && second.count() == 3 })
}

func TestAFolderIsOneRuns(t *testing.T) {
	dir := t.TempDir()
	r := open(t, dir)
	defer r.close()
	_, err := Start(Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, ErrDir) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{Dir: file, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrDir) {
		t.Errorf("%v", err)
	}
}

const killedDir = "TIERCEL_TEST_KILLED_DIR"

// TestKilled is the process that TestAKillGoesOn kills.
func TestKilled(t *testing.T) {
	dir := os.Getenv(killedDir)
	if dir == "" {
		t.Skip("only in the process that TestAKillGoesOn starts")
	}
	r := open(t, dir)
	r.publish(shell(1, alert.High))
	r.publish(shell(2, alert.High))
	r.settled()
	r.publish(shell(3, alert.High)) // may be a finding when the kill comes, or wait for a push, or be on its way
	os.Stdout.WriteString("published\n")
	select {}
}

func TestAKillGoesOn(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$", "-test.v")
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "published"; {
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()

	r := open(t, dir)
	defer r.close()
	r.publish(shell(4, alert.High))
	r.settled()
	r.until("all four to be counted", func() bool { return r.cloud.Flush(t.Context()) == nil && r.count() == 4 })
}
