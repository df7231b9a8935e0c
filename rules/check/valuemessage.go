package check

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// showField goes down a message.
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
		return instant(m.AsTime())
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
