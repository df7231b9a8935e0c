package docs

import (
	"regexp"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"tiercel.dev/alert"
)

// JSON has no columns: a path that the alert does not have is NULL in every row, and no analyzer says so (scripts/queries asks one
// for the rest).
func TestQueriesNameFieldsOfTheAlert(t *testing.T) {
	paths := 0
	for _, name := range []string{"alerts", "heartbeats", "samples"} {
		text := page(t, "../infra/queries/"+name+".sql")
		for _, m := range regexp.MustCompile(`JSON_VALUE\((?:data|alert), '\$\.([a-z_.]+)'\)|\bdata\.([a-z_.]+)`).FindAllStringSubmatch(text, -1) {
			paths++
			if path := m[1] + m[2]; !has(new(alert.Alert).ProtoReflect().Descriptor(), path) {
				t.Errorf("%s.sql: the alert has no %s", name, path)
			}
		}
		for _, m := range regexp.MustCompile(`JSON_VALUE\(attributes, '\$\.(\w+)'\)`).FindAllStringSubmatch(text, -1) {
			if paths++; alert.Attributes(samples(t)[0])[m[1]] == "" {
				t.Errorf("%s.sql: a message has no attribute %s", name, m[1])
			}
		}
	}
	if paths < 25 {
		t.Errorf("%d paths found", paths)
	}
}

func has(m protoreflect.MessageDescriptor, path string) bool {
	name, rest, deeper := strings.Cut(path, ".")
	f := m.Fields().ByName(protoreflect.Name(name))
	if f == nil || !deeper {
		return f != nil
	}
	return f.Message() != nil && has(f.Message(), rest)
}
