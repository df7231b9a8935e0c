package terraform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// repeat does something as often as count or for_each say, and gives what a reference to all of it means.
func (s *scope) repeat(b *hclsyntax.Block, address string, do func(address string, extra map[string]cty.Value) cty.Value) cty.Value {
	if a := b.Body.Attributes["count"]; a != nil {
		n, err := convert.Convert(s.eval(a.Expr, nil), cty.Number)
		if err != nil || !n.IsKnown() || n.IsNull() {
			s.fail(a.SrcRange, "%s: count is not known before it is made", address)
			return cty.DynamicVal
		}
		count, _ := n.AsBigFloat().Int64()
		var made []cty.Value
		for i := range count {
			made = append(made, do(fmt.Sprintf("%s[%d]", address, i), map[string]cty.Value{
				"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(i)}),
			}))
		}
		return cty.TupleVal(made)
	}
	if a := b.Body.Attributes["for_each"]; a != nil {
		over := s.eval(a.Expr, nil)
		if !over.IsKnown() || over.IsNull() || !over.CanIterateElements() {
			s.fail(a.SrcRange, "%s: the keys of for_each are not known before it is made", address)
			return cty.DynamicVal
		}
		if t := over.Type(); t.IsListType() || t.IsTupleType() {
			s.fail(a.SrcRange, "%s: for_each is of a list, not of a map or a set", address)
			return cty.DynamicVal
		}
		made := make(map[string]cty.Value)
		for it := over.ElementIterator(); it.Next(); {
			key, value := it.Element()
			if over.Type().IsSetType() {
				key = value
			}
			if !key.IsKnown() || key.Type() != cty.String {
				s.fail(a.SrcRange, "%s: a key of for_each is not known before it is made", address)
				return cty.DynamicVal
			}
			made[key.AsString()] = do(fmt.Sprintf("%s[%q]", address, key.AsString()), map[string]cty.Value{
				"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}),
			})
		}
		return cty.ObjectVal(made)
	}
	return do(address, nil)
}

// resource evaluates a resource or data source.
func (s *scope) resource(ref string, b *hclsyntax.Block) cty.Value {
	schemas := s.schema.Resources
	if b.Type == "data" {
		schemas = s.schema.DataSources
	}
	schema := schemas[b.Labels[0]]
	if schema == nil {
		s.fail(b.TypeRange, "the provider has no %s %s", b.Type, b.Labels[0])
		return cty.DynamicVal
	}
	return s.repeat(b, s.prefix+ref, func(address string, extra map[string]cty.Value) cty.Value {
		i := Instance{Address: address, Type: strings.TrimSuffix(ref, "."+b.Labels[1]), Range: b.TypeRange}
		d := decoder{scope: s, instance: i}
		i.Values = d.block(b.Body, b.TypeRange, schema, nil, extra)
		s.instances = append(s.instances, i)
		return i.Values
	})
}

// decoder holds a resource's body against its schema.
type decoder struct {
	*scope
	instance Instance
}

// meta are arguments that Terraform itself reads.
var meta = []string{"count", "for_each", "depends_on", "provider"}

func (d *decoder) block(body *hclsyntax.Body, at hcl.Range, schema *BlockSchema, path []string, extra map[string]cty.Value) cty.Value {
	set := make(map[string]cty.Value)
	for name, a := range body.Attributes {
		if len(path) == 0 && slices.Contains(meta, name) {
			if name == "depends_on" {
				d.dependsOn(a)
			}
			continue
		}
		set[name] = d.attribute(name, a, schema, extra)
	}
	blocks := d.blocks(body, schema, path, extra)
	for name, n := range schema.Blocks {
		set[name] = d.nested(name, n, blocks[name], at)
	}
	values := make(map[string]cty.Value)
	for name, a := range schema.Attributes {
		v, ok := set[name]
		switch {
		case ok && !v.IsNull():
		case a.Required:
			d.fail(at, "%s: %s is required", d.instance.Address, strings.Join(append(slices.Clone(path), name), "."))
			v = cty.UnknownVal(a.cty())
		case a.Computed:
			v = d.computed(d.instance, append(slices.Clone(path), name), a.cty(), set)
		default:
			v = cty.NullVal(a.cty())
		}
		values[name] = v
	}
	for name := range schema.Blocks {
		values[name] = set[name]
	}
	return cty.ObjectVal(values)
}

func (d *decoder) attribute(name string, a *hclsyntax.Attribute, schema *BlockSchema, extra map[string]cty.Value) cty.Value {
	want := schema.Attributes[name]
	if want == nil {
		d.fail(a.SrcRange, "%s has no argument %s", d.instance.Address, name)
		return cty.DynamicVal
	}
	if !want.Required && !want.Optional {
		d.fail(a.SrcRange, "%s: %s is the provider's to set", d.instance.Address, name)
	}
	v, err := convert.Convert(d.eval(a.Expr, extra), want.cty())
	if err != nil {
		d.fail(a.SrcRange, "%s: %s: %v", d.instance.Address, name, err)
		return cty.UnknownVal(want.cty())
	}
	return v
}

// blocks are the values of the blocks in a body, by their type.
func (d *decoder) blocks(body *hclsyntax.Body, schema *BlockSchema, path []string, extra map[string]cty.Value) map[string][]cty.Value {
	made := make(map[string][]cty.Value)
	for _, b := range body.Blocks {
		if len(path) == 0 && b.Type == "lifecycle" {
			continue
		}
		if b.Type == "dynamic" {
			d.dynamic(b, schema, path, extra, made)
			continue
		}
		n := schema.Blocks[b.Type]
		if n == nil || len(b.Labels) > 0 {
			d.fail(b.TypeRange, "%s has no block %s", d.instance.Address, b.Type)
			continue
		}
		made[b.Type] = append(made[b.Type], d.block(b.Body, b.TypeRange, n.Block, append(slices.Clone(path), b.Type), extra))
	}
	return made
}

// dynamic is a block for each element of something.
func (d *decoder) dynamic(b *hclsyntax.Block, schema *BlockSchema, path []string, extra map[string]cty.Value, made map[string][]cty.Value) {
	over := b.Body.Attributes["for_each"]
	if len(b.Labels) != 1 || over == nil || len(b.Body.Attributes) != 1 || len(b.Body.Blocks) != 1 || b.Body.Blocks[0].Type != "content" {
		d.fail(b.TypeRange, "%s: a dynamic block has a label, for_each and content", d.instance.Address)
		return
	}
	name := b.Labels[0]
	n := schema.Blocks[name]
	if n == nil {
		d.fail(b.TypeRange, "%s has no block %s", d.instance.Address, name)
		return
	}
	each := d.eval(over.Expr, extra)
	if !each.IsKnown() || each.IsNull() || !each.CanIterateElements() {
		d.fail(over.SrcRange, "%s: for_each of %s is nothing to go through", d.instance.Address, name)
		return
	}
	for it := each.ElementIterator(); it.Next(); {
		key, value := it.Element()
		inner := map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value})}
		for k, v := range extra {
			inner[k] = v
		}
		made[name] = append(made[name], d.block(b.Body.Blocks[0].Body, b.TypeRange, n.Block, append(slices.Clone(path), name), inner))
	}
}

// nested has as many blocks of a kind as the schema allows.
func (d *decoder) nested(name string, n *NestedSchema, values []cty.Value, at hcl.Range) cty.Value {
	if len(values) < n.Min {
		d.fail(at, "%s: %d blocks %s, and %d are required", d.instance.Address, len(values), name, n.Min)
	}
	if n.Max > 0 && len(values) > n.Max {
		d.fail(at, "%s: %d blocks %s, and %d are allowed", d.instance.Address, len(values), name, n.Max)
	}
	switch {
	case len(values) == 0 && n.Mode == "set":
		return cty.SetValEmpty(n.Block.cty())
	case len(values) == 0:
		return cty.ListValEmpty(n.Block.cty())
	case n.Mode == "set":
		return cty.SetVal(values)
	}
	return cty.ListVal(values)
}

// dependsOn has what stands there exist.
func (s *scope) dependsOn(a *hclsyntax.Attribute) {
	list, diags := hcl.ExprList(a.Expr)
	s.problems = append(s.problems, diags...)
	for _, e := range list {
		t, diags := hcl.AbsTraversalForExpr(e)
		s.problems = append(s.problems, diags...)
		if !diags.HasErrors() {
			s.value(reference(t), e.Range())
		}
	}
}
