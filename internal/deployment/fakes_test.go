// Package deployment holds the tests of what deploys Tiercel: cloudbuild.yaml, and the scripts that it and people call, which run
// here against stand-ins for gcloud, kubectl, tofu, ko, go and the like that note what they are asked and fail on demand.
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
	exit "${FAIL_CODE:-1}"
fi
case $line in
"gcloud storage buckets describe"*) [ -e "$FAKES/${4#gs://}" ] ;;
"gcloud storage buckets create"*) : >"$FAKES/${4#gs://}" ;;
"gcloud storage buckets list"*) [ ! -e "$FAKES/${7#name=}" ] || echo "${7#name=}" ;;
"gcloud storage ls"*) cat "$FAKES/objects" ;;
"gcloud storage rm --recursive"*) rm "$FAKES/${4#gs://}" ;;
"gcloud storage rm"*) grep -vF "$3" "$FAKES/objects" >"$FAKES/left"; mv "$FAKES/left" "$FAKES/objects" ;;
"gcloud auth print-access-token") echo secret ;;
"gcloud projects get-iam-policy"*) cat "$FAKES/roles-$3" ;;
"gcloud projects remove-iam-policy-binding"*) grep -vxF "$7" "$FAKES/roles-$3" >"$FAKES/left"; mv "$FAKES/left" "$FAKES/roles-$3" ;;
"gcloud scc findings list"*) cat "$FAKES/findings" ;;
"gcloud scc findings update"*) grep -vxF "$4" "$FAKES/findings" >"$FAKES/left"; mv "$FAKES/left" "$FAKES/findings" ;;
"gcloud iam service-accounts list"*) [ ! -e "$FAKES/account" ] || echo "${6#email=}" ;;
"gcloud iam service-accounts delete"*) rm "$FAKES/account" ;;
"tofu "*" state list") cat "$FAKES/state" ;;
"gcloud iam service-accounts describe"*) [ -e "$FAKES/account" ] ;;
"gcloud iam service-accounts create"*) : >"$FAKES/account" ;;
"gcloud storage cp gs://"*) [ -e "$FAKES/${3##*/}" ] && echo before >"${@: -1}" ;;
"gcloud storage cp "*) : >"$FAKES/${4##*/}" ;;
"tofu "*" plan "*) for a; do case $a in -out=*) : >"${a#-out=}" ;; esac; done ;;
"provenance base"*) echo "$2:base@sha256:$(printf '%064d' 5)" ;;
"ko build"*) echo "$KO_DOCKER_REPO@sha256:$(printf '%064d' 7)" ;;
"kubectl kustomize"*) cat "${@: -1}/kustomization.yaml" ;;
esac
`

// A place is a folder of stand-ins, and what they have made.
type place struct{ dir, build string }

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{dir: t.TempDir(), build: t.TempDir()}
	for _, name := range []string{"gcloud", "kubectl", "tofu", "ko", "go", "tiercel", "sleep", "bq", "provenance"} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(fake), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// A run is what became of a script.
type run struct {
	code           int
	stdout, stderr string
	calls          []string
}

// run runs a script with an environment of its own: the stand-ins, and Debian's commands.
func (p place) run(t *testing.T, env []string, script string, args ...string) run {
	t.Helper()
	for _, name := range []string{"n", "calls"} {
		os.Remove(filepath.Join(p.dir, name))
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join("../../scripts", script), args...)
	cmd.Env = append([]string{"PATH=" + p.dir + ":/usr/bin:/bin", "HOME=" + p.dir, "FAKES=" + p.dir, "BUILD_DIR=" + p.build}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%s: %v\n%s", script, err, &stderr)
	}
	calls, _ := os.ReadFile(filepath.Join(p.dir, "calls"))
	return run{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), strings.Split(strings.TrimSuffix(string(calls), "\n"), "\n")}
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
func failing(t *testing.T, place func(*testing.T) place, env []string, script string, args []string, pass func(call string) bool, after func(call string) bool) {
	t.Helper()
	whole := place(t).run(t, env, script, args...)
	for n, call := range whole.calls {
		p := place(t)
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
var ours = regexp.MustCompile(`(?m)^(bootstrap|deploy|rollout|uninstall): .*(failed\. |: no credentials\. |stopped at |cannot be rendered|Run this again)`)
