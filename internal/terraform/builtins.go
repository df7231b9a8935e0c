package terraform

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// builtins are those of Terraform's that this project uses. One that is not here is an error, and comes here.
var builtins = func() map[string]function.Function {
	all := maps.Clone(plain)
	all["templatefile"] = template
	return all
}()

// plain are those that templates may use.
var plain = map[string]function.Function{
	"alltrue": all(true), "anytrue": all(false), "base64encode": ofText(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
	"can": tryfunc.CanFunc, "coalesce": stdlib.CoalesceFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"file": ofText(read), "filesha256": ofText(sum), "join": stdlib.JoinFunc, "jsonencode": stdlib.JSONEncodeFunc, "keys": stdlib.KeysFunc,
	"length": stdlib.LengthFunc, "merge": stdlib.MergeFunc, "min": stdlib.MinFunc, "regex": stdlib.RegexFunc, "replace": stdlib.ReplaceFunc, "split": stdlib.SplitFunc,
	"startswith": ofTwo(strings.HasPrefix), "endswith": ofTwo(strings.HasSuffix), "sum": sumFunc, "toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tostring": stdlib.MakeToFunc(cty.String), "values": stdlib.ValuesFunc,
}

func ofText(do func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := do(args[0].AsString())
			return cty.StringVal(text), err
		},
	})
}

func read(path string) (string, error) {
	data, err := os.ReadFile(path)
	return string(data), err
}

func sum(path string) (string, error) {
	data, err := os.ReadFile(path)
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:]), err
}

// all is alltrue, or with false anytrue.
func all(want bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if !v.IsKnown() {
					return cty.UnknownVal(cty.Bool), nil
				}
				if v.IsNull() || v.True() != want {
					return cty.BoolVal(!want), nil
				}
			}
			return cty.BoolVal(want), nil
		},
	})
}

func ofTwo(holds func(text, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String}, {Name: "part", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(holds(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var sumFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Number)}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		total := cty.Zero
		for _, v := range args[0].AsValueSlice() {
			total = total.Add(v)
		}
		return total, nil
	},
})

var template = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		path := args[0].AsString()
		text, err := read(path)
		if err != nil {
			return cty.UnknownVal(cty.String), err
		}
		expr, diags := hclsyntax.ParseTemplate([]byte(text), path, hcl.InitialPos)
		if diags.HasErrors() {
			return cty.UnknownVal(cty.String), diags
		}
		v, diags := expr.Value(&hcl.EvalContext{Variables: args[1].AsValueMap(), Functions: plain})
		if diags.HasErrors() {
			return cty.UnknownVal(cty.String), diags
		}
		return v, nil
	},
})
