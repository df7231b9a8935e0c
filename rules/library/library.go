// Package library holds the rules that Tiercel ships, each file with its tests beside it: NAME.yaml and NAME_test.yaml.
// The sensor loads them before the user's own, which may change any of them or switch it off; cmd/tiercel lists, tests
// and explains them. It holds no logic: the language is package rules.
package library

import (
	"embed"

	"tiercel.dev/rules"
)

//go:embed *.yaml
var files embed.FS

// Label stands before the names of shipped files in messages, so that nobody takes them for files on disk.
const Label = "library"

// Sources returns the shipped rule files in the order in which they are loaded. The bytes are the caller's to read, not
// to change.
func Sources() []rules.Source {
	sources, _ := read()
	return sources
}

// Tests returns the tests files of [Sources].
func Tests() []rules.Source {
	_, tests := read()
	return tests
}

func read() (sources, tests []rules.Source) {
	sources, tests, err := rules.ReadFS(files, Label)
	if err != nil {
		panic(err) // the files are part of the program
	}
	return sources, tests
}
