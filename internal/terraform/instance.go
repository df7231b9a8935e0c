package terraform

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// of gives the instances of a type.
func of(instances []Instance, types ...string) []Instance {
	var some []Instance
	for _, i := range instances {
		for _, t := range types {
			if i.Type == t {
				some = append(some, i)
			}
		}
	}
	return some
}

// text is an attribute, of a block if the path says so: "push_config.oidc_token.audience". Empty if it is not set.
func (i Instance) text(path string) string {
	v := i.at(path)
	if v == cty.NilVal || v.IsNull() || !v.IsKnown() {
		return ""
	}
	switch v.Type() {
	case cty.String:
		return v.AsString()
	case cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	}
	return ""
}

func (i Instance) at(path string) cty.Value {
	v := i.Values
	for _, name := range strings.Split(path, ".") {
		if v.Type().IsListType() || v.Type().IsSetType() {
			if v.LengthInt() == 0 {
				return cty.NilVal
			}
			v = v.AsValueSlice()[0]
		}
		if !v.Type().HasAttribute(name) {
			panic(i.Address + " has no " + path)
		}
		v = v.GetAttr(name)
	}
	return v
}
