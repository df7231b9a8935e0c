// Package acts is what live tests make processes do: chains of processes with names of the test's choice, of which the
// last one does something that a rule is about. The program that acts is in actor; a [Plan] tells it what.
package acts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Variable is the environment variable that carries a plan from one process of a chain to the next.
const Variable = "ACTS_PLAN"

// Folder is where a root of [Root] or [Files] has the actor, under every name that it is to go by.
const Folder = "/acts"

// A Plan is what a process does, step by step.
type Plan []Step

// A Step is one of two: a process to start, which goes on with the rest of the plan while its parent waits, or a deed.
type Step struct {
	// Run is the argument vector of a process; its name is Name, else the last element of Run[0].
	Run  []string `json:",omitempty"`
	Name string   `json:",omitempty"`
	// Path is the program, where it is not the one of Folder with that name.
	Path string   `json:",omitempty"`
	Env  []string `json:",omitempty"`
	Dir  string   `json:",omitempty"`
	UID  int      `json:",omitempty"`
	// TTY gives the process a terminal of its own, Leader a process group.
	TTY    bool `json:",omitempty"`
	Leader bool `json:",omitempty"`
	// Fails says that the program is not there.
	Fails bool `json:",omitempty"`

	// Do is the name of a deed, and its arguments; the actor lists them.
	Do []string `json:",omitempty"`
}

// Run starts a process with these arguments.
func Run(argv ...string) Step { return Step{Run: argv} }

// Do does something.
func Do(deed ...string) Step { return Step{Do: deed} }

// String is the plan as the actor reads it.
func (p Plan) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers alone
	}
	return string(text)
}

// Names are the names that the plan's processes go by.
func (p Plan) Names() []string {
	var names []string
	for _, s := range p {
		if s.Run != nil {
			names = append(names, s.ProcessName())
		}
	}
	return names
}

// ProcessName is the name of the step's process.
func (s Step) ProcessName() string {
	if s.Name != "" {
		return s.Name
	}
	return filepath.Base(s.Run[0])
}

// Build builds the actor, statically linked, and returns its path in dir.
func Build(dir string) (string, error) {
	path := filepath.Join(dir, "actor")
	cmd := exec.Command("go", "build", "-o", path, "tiercel.dev/internal/acts/actor")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return path, nil
}

// Root makes a folder to chroot into: the actor in [Folder] under all these names, and empty folders. Paths that acts name are
// then the ones that rules are about, and nobody's files are touched.
func Root(dir, actor string, names, folders []string) error {
	program, err := os.ReadFile(actor)
	if err != nil {
		return err
	}
	for _, f := range append([]string{Folder}, folders...) {
		if err := os.MkdirAll(filepath.Join(dir, f), 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, Folder, "actor"), program, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		if err := os.Symlink("actor", filepath.Join(dir, Folder, name)); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return nil
}
