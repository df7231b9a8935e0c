package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tiercel.dev/rules/source"
)

// Files and their places, which Falco's rule files have in common with ours.
type (
	Source   = source.File
	Position = source.Position
	Error    = source.Error
	Errors   = source.Errors
)

// maxFiles is how many files one directory may hold.
const maxFiles = 1000

// Places returns the errors in err that tell where in a file they are; nil if it has none.
func Places(err error) Errors { return source.Places(err) }

// IsTest reports whether a file of that name holds tests.
func IsTest(name string) bool {
	base := strings.TrimSuffix(strings.TrimSuffix(name, ".yaml"), ".yml")
	return base != name && strings.HasSuffix(base, "_test")
}

func isYAML(name string) bool {
	ext := path.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(path.Base(name), ".")
}

// Read reads rule files and the tests files beside them. Each path is a file, or a directory of which it reads the
// files named *.yaml and *.yml, sorted, not those in directories below. A directory without rule files is an error.
func Read(paths ...string) (rules, tests []Source, err error) {
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			return nil, nil, fmt.Errorf("rules: %w", err)
		}
		dir, pattern := p, ""
		if !st.IsDir() {
			dir, pattern = filepath.Dir(p), filepath.Base(p)
		}
		r, t, err := read(os.DirFS(dir), pattern, dir)
		if err != nil {
			return nil, nil, err
		}
		rules, tests = append(rules, r...), append(tests, t...)
	}
	return rules, tests, nil
}

// ReadFS is Read of the top directory of an embedded file system; label stands before the names in messages.
func ReadFS(files fs.FS, label string) (rules, tests []Source, err error) {
	return read(files, "", label)
}

// read reads one file of dir by name, or all.
func read(files fs.FS, only, label string) (rules, tests []Source, err error) {
	names := []string{only}
	if only == "" {
		if names, err = yamlNames(files); err != nil {
			return nil, nil, fmt.Errorf("rules: %s: %w", label, err)
		}
	}
	for _, name := range names {
		src := Source{Name: path.Join(filepath.ToSlash(label), name)}
		if src.Data, err = readLimited(files, name, only == ""); err != nil {
			return nil, nil, fmt.Errorf("rules: %s: %w", src.Name, err)
		}
		if IsTest(name) {
			tests = append(tests, src)
		} else {
			rules = append(rules, src)
		}
	}
	if only == "" && len(rules) == 0 {
		return nil, nil, fmt.Errorf("rules: %s: no rule files (*.yaml) in the directory", label)
	}
	return rules, tests, nil
}

func yamlNames(files fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && isYAML(e.Name()) {
			names = append(names, e.Name())
		}
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("%d rule files, more than %d", len(names), maxFiles)
	}
	slices.Sort(names)
	return names, nil
}

func readLimited(files fs.FS, name string, inDirectory bool) ([]byte, error) {
	st, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	// A named pipe among them would hold whoever reloads up for ever. One that is named is read: rules check <(command).
	if inDirectory && !st.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	if st.Size() > source.MaxFile {
		return nil, fmt.Errorf("%d bytes, more than %d", st.Size(), source.MaxFile)
	}
	return fs.ReadFile(files, name)
}
