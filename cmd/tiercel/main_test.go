package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tiercel": main})
}

func TestScript(t *testing.T) {
	commands := cloudCommands(t)
	commands["exits"] = exits
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOSTILE", "\x1b[2Jname.yaml")
			env.Values["cloud"] = new(*cloud)
			return nil
		},
		Cmds: commands,
	})
}
