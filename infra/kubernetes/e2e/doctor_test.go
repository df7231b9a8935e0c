package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"tiercel.dev/cmd/tiercel/doctor"
)

// cluster is the name by which the deployment knows the real cluster.
const cluster = "local/local/local"

// examined is what `tiercel doctor` says of the deployment, and its exit code.
func (w *world) examined(t *testing.T, flags ...string) (doctor.Report, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "tiercel", append([]string{"doctor", "--local", w.cloud.Calls(), "--json"}, flags...)...)
	out, err := cmd.Output()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if err != nil && !ended {
		t.Fatal(err)
	}
	var r doctor.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("tiercel doctor: %v: %s%s", err, out, exit.Stderr)
	}
	return r, cmd.ProcessState.ExitCode()
}

// diagnosed waits until `tiercel doctor` says that the cluster's sensors are well, or that they are not, by its exit code and their line,
// and prints it. One that has lost events lately, as on a busy machine, is worth a look, and well.
func (w *world) diagnosed(t *testing.T, well bool) {
	t.Helper()
	code := 1
	if well {
		code = 0
	}
	var line doctor.Line
	eventually(t, fmt.Sprintf("tiercel doctor says so by exit code %d", code), func() error {
		r, got := w.examined(t, "--cluster", cluster)
		var others []doctor.Line
		for _, l := range r.Lines {
			switch {
			case l.Area == "sensors" && l.Name == cluster:
				line = l
			case l.State == doctor.Fail || l.State == doctor.Unknown:
				others = append(others, l)
			}
		}
		if (line.State == doctor.Fail) == well || line.State == doctor.Unknown || got != code || len(others) > 0 {
			return fmt.Errorf("exit code %d: %+v; and besides %+v", got, line, others)
		}
		return nil
	})
	result("tiercel doctor: exit code %d: %s %s %s %s", code, line.Area, line.Name, line.State, line.Seen)
	if line.Do != "" {
		result("%16s%s", "", line.Do)
	}
}

// examine has doctor look at all that is deployed, as who deployed it does.
func examine(t *testing.T, w *world) {
	w.diagnosed(t, true)
	r, _ := w.examined(t)
	for _, s := range doctor.States {
		result("%s: %d of %d lines", s, r.Count(s), len(r.Lines))
	}
}
