package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/proto"
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
		return instant(v.Time)
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
		return instant(v)
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

// instant shows a time.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

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
