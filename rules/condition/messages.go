package condition

import (
	"fmt"
	"maps"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// NewMessageDialect returns a dialect whose variables may be protobuf messages and objects as JSON has them. Names of messages'
// enums are constants, below their package or without it. It has has(), what may be there (x.?y.orValue(z)), map() and filter(),
// times, and the functions of more.
//
// An enum's number that this program has no name for is neither equal to any other nor unequal: an evaluation that hangs on it
// comes to an unknown value, whose trail begins with [EnumTrail].
func NewMessageDialect(messages []proto.Message, variables map[string]*cel.Type, more ...cel.EnvOption) (*Dialect, error) {
	registry, err := types.NewProtoRegistry()
	if err != nil {
		return nil, fmt.Errorf("language of conditions: %w", err)
	}
	for _, m := range messages {
		if err := registry.RegisterMessage(m); err != nil {
			return nil, fmt.Errorf("language of conditions: %w", err)
		}
	}
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(registry), cel.CustomTypeProvider(knownEnums{registry}), cel.OptionalTypes(cel.OptionalTypesVersion(1)),
		cel.Macros(cel.HasMacro, cel.ExistsMacro, cel.ExistsOneMacro, cel.AllMacro, cel.MapMacro, cel.MapFilterMacro, cel.FilterMacro),
		cel.Container(string(messages[0].ProtoReflect().Descriptor().FullName().Parent())),
	}
	functions := maps.Clone(standard)
	maps.Copy(functions, objectFunctions)
	return newDialect(functions, variables, append(options, more...)...)
}

// objectFunctions are those of CEL's standard library whose overloads rules have fewer of: all that they have there.
var objectFunctions = map[string][]string{
	operators.Less: nil, operators.LessEquals: nil, operators.Greater: nil, operators.GreaterEquals: nil,
	operators.Add: nil, operators.Subtract: nil, operators.In: nil, operators.Index: nil,
	"size": nil, "string": nil, "int": nil, "timestamp": nil,
}

// EnumTrail begins the variable of an unknown value that stands for an enum's number without a name.
const EnumTrail = "@enum "

type knownEnums struct{ *types.Registry }

func (k knownEnums) FindStructFieldType(message, name string) (*types.FieldType, bool) {
	found, ok := k.Registry.FindStructFieldType(message, name)
	if !ok {
		return found, ok
	}
	m, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(message))
	if err != nil {
		return found, ok
	}
	f := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if f == nil || f.Kind() != protoreflect.EnumKind || f.IsList() || f.IsMap() {
		return found, ok
	}
	known := *found
	known.GetFrom = func(target any) (any, error) {
		v, err := found.GetFrom(target)
		n, isInt := v.(int64)
		if err != nil || !isInt || f.Enum().Values().ByNumber(protoreflect.EnumNumber(n)) != nil {
			return v, err
		}
		trail := types.NewAttributeTrail(fmt.Sprintf("%s%s has the number %d, which this version does not know", EnumTrail, name, n))
		return types.NewUnknown(0, trail), nil
	}
	return &known, true
}
