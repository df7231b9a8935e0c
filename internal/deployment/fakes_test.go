// Package deployment holds the tests of what deploys Tiercel: cloudbuild.yaml, and the scripts that it and people call, which run
// here against stand-ins for gcloud, kubectl, tofu, ko, go and tiercel that note what they are asked and fail on demand.
package deployment

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fake is each of the commands. It numbers its calls, and fails at the one that FAIL_AT says, and at all that FAIL_MATCH names.
// What was made is there afterwards.
const fake = `#!/bin/bash
name=${0##*/} n=0
[ ! -e "$FAKES/n" ] || read -r n <"$FAKES/n"
n=$((n + 1))
echo $n >"$FAKES/n"
line="$name $*"
line=${line//$BUILD_DIR/BUILD}
[ "${*: -2}" = "-f -" ] && line+=" <<< $(grep -c . /dev/stdin) lines"
echo "$line" >>"$FAKES/calls"
if [ "$n" = "$FAIL_AT" ] || { [ -n "$FAIL_MATCH" ] && [[ $line =~ $FAIL_MATCH ]]; }; then
	echo "$name: refused" >&2
	exit 1
fi
case $line in
"gcloud storage buckets describe"*) [ -e "$FAKES/bucket" ] ;;
"gcloud storage buckets create"*) : >"$FAKES/bucket" ;;
"gcloud iam service-accounts describe"*) [ -e "$FAKES/account" ] ;;
"gcloud iam service-accounts create"*) : >"$FAKES/account" ;;
"gcloud storage cp gs://"*) [ -e "$FAKES/${3##*/}" ] && echo before >"${@: -1}" ;;
"gcloud storage cp "*) : >"$FAKES/${4##*/}" ;;
"tofu "*" plan "*) for a; do case $a in -out=*) : >"${a#-out=}" ;; esac; done ;;
"ko build"*) echo "$KO_DOCKER_REPO@sha256:$(printf '%064d' 7)" ;;
"kubectl kustomize"*) cat "${@: -1}/kustomization.yaml" ;;
esac
`

// A place is a folder of stand-ins, and what they have made.
type place struct{ dir, build string }

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{dir: t.TempDir(), build: t.TempDir()}
	for _, name := range []string{"gcloud", "kubectl", "tofu", "ko", "go", "tiercel", "sleep"} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(fake), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// A run is what became of a script.
type run struct {
	code   int
	stderr string
	calls  []string
}

// run runs a script with an environment of its own: the stand-ins, and Debian's commands.
func (p place) run(t *testing.T, env []string, script string, args ...string) run {
	t.Helper()
	for _, name := range []string{"n", "calls"} {
		os.Remove(filepath.Join(p.dir, name))
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("../../scripts", script), args...)
	cmd.Env = append([]string{"PATH=" + p.dir + ":/usr/bin:/bin", "HOME=" + p.dir, "FAKES=" + p.dir, "BUILD_DIR=" + p.build}, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%s: %v\n%s", script, err, &stderr)
	}
	calls, _ := os.ReadFile(filepath.Join(p.dir, "calls"))
	return run{cmd.ProcessState.ExitCode(), stderr.String(), strings.Split(strings.TrimSuffix(string(calls), "\n"), "\n")}
}

// golden compares calls with a file of testdata; with UPDATE set it writes it.
func golden(t *testing.T, name string, calls []string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(strings.Join(calls, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"), calls); d != "" {
		t.Errorf("%s: -want +got:\n%s", name, d)
	}
}

// failing runs a script once for each call that it makes, which fails. Then it says what to mend, and nothing comes after the failed
// call but what may; afterwards the same script does all of it.
func failing(t *testing.T, env []string, script string, args []string, pass func(call string) bool, after func(call string) bool) {
	t.Helper()
	whole := newPlace(t).run(t, env, script, args...)
	for n, call := range whole.calls {
		p := newPlace(t)
		got := p.run(t, append([]string{"FAIL_AT=" + strconv.Itoa(n+1)}, env...), script, args...)
		if pass(call) {
			if got.code != 0 {
				t.Errorf("%s fails: exit code %d\n%s", call, got.code, got.stderr)
			}
			continue
		}
		said := ours.MatchString(got.stderr)
		if got.code != 1 || !said {
			t.Errorf("%s fails: exit code %d, and said is\n%s", call, got.code, got.stderr)
		}
		if d := cmp.Diff(whole.calls[:n+1], got.calls[:min(n+1, len(got.calls))]); d != "" {
			t.Errorf("%s fails: -want +got:\n%s", call, d)
		}
		for _, more := range got.calls[n+1:] {
			if !after(more) {
				t.Errorf("%s fails, and then comes %s", call, more)
			}
		}
		if again := p.run(t, env, script, args...); again.code != 0 {
			t.Errorf("%s failed, and the same command again: exit code %d\n%s", call, again.code, again.stderr)
		}
	}
}

// ours is what a script says itself, after the command's own words.
var ours = regexp.MustCompile(`(?m)^(bootstrap|deploy|rollout): .*(failed\. |: no credentials\. |stopped at |cannot be rendered|Run this again)`)
