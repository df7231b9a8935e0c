// Actor does what a plan of package acts says, one step after the other. A process that has no plan ends at once.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"tiercel.dev/internal/acts"
)

func main() {
	// What a thread is given (a namespace, a user) the steps after it shall have.
	runtime.LockOSThread()
	text := os.Getenv(acts.Variable)
	if text == "" && len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "[{") {
		text = os.Args[1]
	}
	if text == "" {
		return
	}
	var plan acts.Plan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		fail("plan", err)
	}
	for len(plan) > 0 {
		step := plan[0]
		plan = plan[1:]
		if step.Run != nil {
			run(step, plan)
			return
		}
		deed, ok := deeds[step.Do[0]]
		if !ok {
			fail("deed "+step.Do[0], fmt.Errorf("unknown"))
		}
		if err := deed(step.Do[1:]); err != nil {
			fail(strings.Join(step.Do, " "), err)
		}
	}
}

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "actor: %s: %v\n", what, err)
	os.Exit(1)
}

// run starts the step's process with the rest of the plan, and waits for it.
func run(step acts.Step, rest acts.Plan) {
	path := step.Path
	if path == "" {
		path = filepath.Join(acts.Folder, step.ProcessName())
	}
	env := slices.Clone(step.Env)
	if len(rest) > 0 {
		env = append(env, acts.Variable+"="+rest.String())
	}
	attr := &syscall.ProcAttr{Dir: step.Dir, Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: step.Leader}}
	if step.UID != 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(step.UID), Gid: uint32(step.UID), NoSetGroups: true}
	}
	if step.TTY {
		tty, err := terminal()
		if err != nil {
			fail("terminal", err)
		}
		attr.Files = []uintptr{tty, tty, 2}
		attr.Sys = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0, Credential: attr.Sys.Credential}
	}
	pid, err := syscall.ForkExec(path, step.Run, attr)
	if step.Fails {
		if err == nil {
			fail(path, fmt.Errorf("is there"))
		}
		return
	}
	if err != nil {
		fail(path, err)
	}
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		fail("wait", err)
	}
	if status.ExitStatus() != 0 {
		os.Exit(1) // the child has said why
	}
}
