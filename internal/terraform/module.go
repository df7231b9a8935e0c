// Package terraform reads Terraform configuration as far as this project's own needs it, and says without a provider and
// without a cloud what it would make: every expression is evaluated, every block is held against the provider's schema. Tests
// of infra/ call it. It is no replacement of `plan`: what the services themselves refuse, it does not know.
package terraform

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Module is a folder of configuration.
type Module struct {
	Dir       string
	Variables map[string]*hclsyntax.Block
	Locals    map[string]*hclsyntax.Attribute
	Resources map[string]*hclsyntax.Block // by TYPE.NAME, with "data." before a data source's
	Modules   map[string]*hclsyntax.Block
	Outputs   map[string]*hclsyntax.Block
	Providers []string // sources of those that are required
	Files     map[string]*hclsyntax.Body
}

// Load reads the .tf files of a folder.
func Load(dir string) (*Module, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no .tf files: %w", dir, os.ErrNotExist)
	}
	m := &Module{
		Dir: dir, Variables: map[string]*hclsyntax.Block{}, Locals: map[string]*hclsyntax.Attribute{}, Resources: map[string]*hclsyntax.Block{},
		Modules: map[string]*hclsyntax.Block{}, Outputs: map[string]*hclsyntax.Block{}, Files: map[string]*hclsyntax.Body{},
	}
	var problems hcl.Diagnostics
	parser := hclparse.NewParser()
	for _, path := range paths {
		file, diags := parser.ParseHCLFile(path)
		problems = append(problems, diags...)
		if diags.HasErrors() {
			continue
		}
		body := file.Body.(*hclsyntax.Body)
		m.Files[path] = body
		for _, b := range body.Blocks {
			problems = append(problems, m.add(b)...)
		}
		for _, a := range body.Attributes {
			problems = append(problems, problem(a.SrcRange, "an argument outside of a block"))
		}
	}
	return m, errorOf(problems)
}

func problem(at hcl.Range, format string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: fmt.Sprintf(format, args...), Subject: &at}
}

// errorOf has a line for each error: file:line, and what.
func errorOf(diags hcl.Diagnostics) error {
	var lines []string
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		text := d.Summary
		if d.Detail != "" {
			text += ": " + d.Detail
		}
		if d.Subject != nil {
			text = fmt.Sprintf("%s:%d: %s", d.Subject.Filename, d.Subject.Start.Line, text)
		}
		lines = append(lines, text)
	}
	if len(lines) == 0 {
		return nil
	}
	sort.Strings(lines)
	return fmt.Errorf("%s", strings.Join(lines, "\n"))
}

// add takes a block at the top of a file.
func (m *Module) add(b *hclsyntax.Block) hcl.Diagnostics {
	want := map[string]int{"variable": 1, "output": 1, "module": 1, "provider": 1, "resource": 2, "data": 2}[b.Type]
	if len(b.Labels) != want {
		return hcl.Diagnostics{problem(b.TypeRange, "%s has %d labels, not %d", b.Type, len(b.Labels), want)}
	}
	put := func(into map[string]*hclsyntax.Block, name string) hcl.Diagnostics {
		if _, twice := into[name]; twice {
			return hcl.Diagnostics{problem(b.TypeRange, "%s %s is there twice", b.Type, name)}
		}
		into[name] = b
		return nil
	}
	switch b.Type {
	case "variable":
		return put(m.Variables, b.Labels[0])
	case "output":
		return put(m.Outputs, b.Labels[0])
	case "module":
		return put(m.Modules, b.Labels[0])
	case "resource":
		return put(m.Resources, b.Labels[0]+"."+b.Labels[1])
	case "data":
		return put(m.Resources, "data."+b.Labels[0]+"."+b.Labels[1])
	case "locals":
		var twice hcl.Diagnostics
		for name, a := range b.Body.Attributes {
			if _, there := m.Locals[name]; there {
				twice = append(twice, problem(a.SrcRange, "local.%s is there twice", name))
			}
			m.Locals[name] = a
		}
		return twice
	case "terraform":
		return m.settings(b)
	case "provider":
		if b.Labels[0] != "google" {
			return hcl.Diagnostics{problem(b.TypeRange, "the provider %s is not google", b.Labels[0])}
		}
		return nil
	}
	return hcl.Diagnostics{problem(b.TypeRange, "a block %s is not known", b.Type)}
}

// settings reads the block terraform.
func (m *Module) settings(b *hclsyntax.Block) hcl.Diagnostics {
	for _, inner := range b.Body.Blocks {
		switch inner.Type {
		case "backend":
		case "required_providers":
			for _, a := range inner.Body.Attributes {
				v, diags := a.Expr.Value(nil)
				if diags.HasErrors() {
					return diags
				}
				m.Providers = append(m.Providers, v.GetAttr("source").AsString())
			}
		default:
			return hcl.Diagnostics{problem(inner.TypeRange, "a block %s in terraform is not known", inner.Type)}
		}
	}
	return nil
}

// Unused names variables, locals and data sources that nothing refers to: var.NAME, local.NAME, data.TYPE.NAME.
func (m *Module) Unused() []string {
	used := make(map[string]bool)
	for _, body := range m.Files {
		for _, b := range body.Blocks {
			if b.Type == "variable" { // a validation refers to its own
				continue
			}
			hclsyntax.VisitAll(b.Body, func(n hclsyntax.Node) hcl.Diagnostics {
				if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
					used[reference(e.Traversal)] = true
				}
				return nil
			})
		}
	}
	var unused []string
	note := func(name string) {
		if !used[name] {
			unused = append(unused, name)
		}
	}
	for name := range m.Variables {
		note("var." + name)
	}
	for name := range m.Locals {
		note("local." + name)
	}
	for name := range m.Resources {
		if strings.HasPrefix(name, "data.") {
			note(name)
		}
	}
	sort.Strings(unused)
	return unused
}

// reference is what a traversal begins with: var.x, local.x, module.x, data.t.x, t.x, or one word.
func reference(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	want := 2
	if parts[0] == "data" {
		want = 3
	}
	for _, step := range t[1:] {
		a, ok := step.(hcl.TraverseAttr)
		if !ok || len(parts) == want {
			break
		}
		parts = append(parts, a.Name)
	}
	return strings.Join(parts, ".")
}
