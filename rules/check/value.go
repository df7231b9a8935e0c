package check

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	absent   = "absent"
	unknown  = "unknown"
	maxValue = 1000 // bytes of a value that is shown
)

// show is an expression's value for people: of a path what the message has there, with enums' names and "absent" for messages and
// values that are not there; else what it evaluates to.
func (sc *scene) show(e *expression) string {
	if e.path == nil {
		return cut(showValue(sc.eval(e)))
	}
	if sc.gap(e.path.String()) != nil {
		return unknown
	}
	v, ok := sc.ResolveName(e.path.variable)
	if !ok || isNil(v) {
		return absent
	}
	return cut(showPath(v, e.path.keys))
}

// showPath goes down a message or an object.
func showPath(v any, keys []string) string {
	for i, key := range keys {
		switch at := v.(type) {
		case proto.Message:
			return showField(at.ProtoReflect(), keys[i:])
		case map[string]any:
			v = at[key]
		case map[string]string:
			text, ok := at[key]
			if !ok {
				return absent
			}
			v = text
		default:
			return absent
		}
		if isNil(v) {
			return absent
		}
	}
	return showNative(v)
}

func showField(m protoreflect.Message, keys []string) string {
	f := m.Descriptor().Fields().ByName(protoreflect.Name(keys[0]))
	if f == nil {
		return absent
	}
	if f.HasPresence() && !m.Has(f) {
		return absent
	}
	v := m.Get(f)
	switch {
	case f.IsMap() && len(keys) > 1:
		if v = v.Map().Get(protoreflect.ValueOfString(keys[1]).MapKey()); !v.IsValid() {
			return absent
		}
		if f.MapValue().Message() != nil {
			if len(keys) > 2 {
				return showField(v.Message(), keys[2:])
			}
			return showMessage(v.Message().Interface())
		}
		return showScalar(f.MapValue(), v)
	case f.IsMap():
		var parts []string
		for _, k := range sortedMapKeys(v.Map()) {
			parts = append(parts, k+"="+showScalarOrMessage(f.MapValue(), v.Map().Get(protoreflect.ValueOfString(k).MapKey())))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case f.IsList():
		var parts []string
		for i := range v.List().Len() {
			parts = append(parts, showScalarOrMessage(f, v.List().Get(i)))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case f.Message() != nil && len(keys) > 1:
		return showField(v.Message(), keys[1:])
	}
	return showScalarOrMessage(f, v)
}

func sortedMapKeys(m protoreflect.Map) []string {
	keys := map[string]bool{}
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool { keys[k.String()] = true; return true })
	return sortedKeys(keys)
}

func showScalarOrMessage(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if f.Message() != nil {
		return showMessage(v.Message().Interface())
	}
	return showScalar(f, v)
}

func showScalar(f protoreflect.FieldDescriptor, v protoreflect.Value) string {
	if f.Enum() != nil {
		if known := f.Enum().Values().ByNumber(v.Enum()); known != nil {
			return string(known.Name())
		}
		return strconv.Itoa(int(v.Enum())) + ", a number without a name"
	}
	if text := v.String(); text != "" || f.Kind() != protoreflect.StringKind {
		return text
	}
	return `""`
}

// showMessage is the JSON of a message without its secrets.
func showMessage(m proto.Message) string {
	switch m := m.(type) {
	case *timestamppb.Timestamp:
		return day(m.AsTime())
	case *structpb.Value:
		return showNative(m.AsInterface())
	}
	clean := proto.Clone(m)
	redact(clean.ProtoReflect())
	raw, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(clean)
	if err != nil {
		return "not to be shown: " + err.Error()
	}
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil { // protojson writes blanks at random
		return string(raw)
	}
	return out.String()
}

// redact takes secrets out of a message and what is in it.
func redact(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case secrets[string(f.Name())]:
			m.Clear(f)
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				redact(v.List().Get(i).Message())
			}
		case f.IsMap() && f.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { redact(v.Message()); return true })
		case f.Message() != nil && !f.IsMap():
			redact(v.Message())
		}
		return true
	})
}

// showValue is what an evaluation gave.
func showValue(v ref.Val) string {
	switch v := v.(type) {
	case *types.Unknown:
		return unknown
	case *types.Err:
		return "not to be found out: " + v.String()
	case types.Null:
		return absent
	case types.Duration:
		return v.Duration.String()
	case types.Timestamp:
		return day(v.Time)
	}
	if m, ok := v.Value().(proto.Message); ok {
		return showMessage(m)
	}
	if l, ok := v.(interface{ Size() ref.Val }); ok && v.Type() == types.ListType {
		n, _ := l.Size().(types.Int)
		list := v.(interface{ Get(ref.Val) ref.Val })
		parts := make([]string, n)
		for i := range n {
			parts[i] = showValue(list.Get(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return showNative(v.Value())
}

func showNative(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return `""`
		}
		return v
	case time.Time:
		return day(v)
	case proto.Message:
		return showMessage(v)
	case ref.Val:
		return showValue(v)
	}
	raw, err := json.Marshal(v) // sorts keys
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}

// isNil reports whether there is nothing, be it typed.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// cut bounds a text, and makes it one.
func cut(s string) string {
	if len(s) > maxValue {
		s = s[:maxValue] + "…"
	}
	return strings.ToValidUTF8(s, "")
}
