package falcoconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/rules/source"
)

// files reads the main file and what its config_files name, and returns the top-level keys as they are together.
func (r *reader) files(path string) []value {
	main := r.file(path)
	keys := slices.Clone(main)
	for _, v := range main {
		if v.key != "config_files" {
			continue
		}
		for _, item := range r.items(v) {
			path, strategy := r.include(item)
			if path == "" {
				continue
			}
			for _, file := range r.included(item, path) {
				for _, more := range r.file(file) {
					if more.key == "config_files" {
						r.warn(more, "counts in the main file alone")
						continue
					}
					keys = mergeKey(keys, more, strategy)
				}
			}
		}
	}
	return keys
}

// Strategies of config_files.
const (
	appendTo = "append" // lists grow, everything else is replaced
	override = "override"
	addOnly  = "add-only" // what is there stays
)

// include reads an item of config_files: a path, or one with a strategy.
func (r *reader) include(item value) (path, strategy string) {
	strategy = appendTo
	if item.node.Kind == yaml.ScalarNode {
		r.str(item, &path)
		return path, strategy
	}
	for _, f := range r.fields(item) {
		switch f.name() {
		case "path":
			r.str(f, &path)
		case "strategy":
			r.str(f, &strategy)
			if strategy != appendTo && strategy != override && strategy != addOnly {
				r.fail(f, "is append, override or add-only, not %s", source.Quote(strategy))
			}
		default:
			r.warn(f, "is no key of Falco's")
		}
	}
	if path == "" && len(r.errors) == 0 {
		r.fail(item, "needs a path")
	}
	return path, strategy
}

// included are the files of a path, which may be a folder. What is not there is left out, as in Falco.
func (r *reader) included(item value, path string) []string {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.warn(item, "%s is not there", path)
		return nil
	case err != nil:
		r.fail(item, "%v", err)
		return nil
	case !st.IsDir():
		return []string{path}
	}
	r.cfg.Files = append(r.cfg.Files, path)
	files, err := yamlFiles(path)
	if err != nil {
		r.fail(item, "%v", err)
	}
	return files
}

// yamlFiles are those of a folder, sorted.
func yamlFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

func mergeKey(keys []value, more value, strategy string) []value {
	i := slices.IndexFunc(keys, func(v value) bool { return v.key == more.key })
	switch {
	case i < 0:
		return append(keys, more)
	case strategy == addOnly:
	case strategy == appendTo && keys[i].node.Kind == yaml.SequenceNode && more.node.Kind == yaml.SequenceNode:
		return append(keys, more) // read behind the other
	default:
		// Those that an append left behind the first go with it.
		keys = slices.DeleteFunc(keys, func(v value) bool { return v.key == more.key })
		return append(keys, more)
	}
	return keys
}

// file reads one file's top-level keys.
func (r *reader) file(path string) []value {
	r.cfg.Files = append(r.cfg.Files, path)
	data, err := readFile(path)
	if err == nil {
		err = source.File{Name: path, Data: data}.Check()
	}
	lines := source.NewLines(source.File{Name: path, Data: data})
	if err != nil {
		r.errors = append(r.errors, lines.Error(source.Position{File: path}, err.Error()))
		return nil
	}
	var doc yaml.Node
	switch err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&doc); {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		return nil // all is as it is without
	case err != nil:
		r.errors = append(r.errors, lines.SyntaxError(err))
		return nil
	}
	top := value{node: doc.Content[0], at: doc.Content[0], lines: lines}
	if top.null() {
		return nil
	}
	if top.node.Kind != yaml.MappingNode {
		top.key = "a configuration"
		r.fail(top, "has keys, and this is %s", kinds[top.node.Kind])
		return nil
	}
	if what := source.Around(top.node); what != "" {
		top.key = "a configuration"
		r.fail(top, "is a file like falco.yaml, and this is %s", what)
		return nil
	}
	if !r.plain(top.node, lines) {
		return nil
	}
	keys := r.fields(top)
	seen := map[string]int{}
	for i := range keys {
		keys[i].key = strings.TrimPrefix(keys[i].key, ".")
		if first := seen[keys[i].key]; first > 0 {
			keys[i].node = keys[i].at
			r.fail(keys[i], "is given twice, first in line %d", first)
		}
		seen[keys[i].key] = keys[i].at.Line
	}
	return keys
}

// maxDepth bounds the recursion over a file.
const maxDepth = 20

// plain refuses aliases, with which a small file can be a huge one.
func (r *reader) plain(n *yaml.Node, lines *source.Lines) bool {
	var walk func(n *yaml.Node, depth int) bool
	walk = func(n *yaml.Node, depth int) bool {
		if n.Kind == yaml.AliasNode || depth > maxDepth {
			r.errors = append(r.errors, lines.Error(lines.Position(n), fmt.Sprintf("aliases, and nesting deeper than %d, are not read", maxDepth)))
			return false
		}
		return !slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return !walk(c, depth+1) })
	}
	return walk(n, 0)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, source.MaxFile+1))
}
