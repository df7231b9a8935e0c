package redact

import (
	"reflect"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
)

// What holds no text of a program's choosing, or too little of it for a secret.
var keptAsIs = map[string]bool{
	"Event.Task.Comm": true, "Event.Args.FSType": true, "Event.Cgroup.Path": true,
	"Process.Name": true, "Process.SessionName": true, "Process.UserName": true, "Process.GroupName": true,
	"Process.LoginName": true, "Process.ContainerID": true,
}

// A secret is planted in every text of an event and its process, so that one added later is redacted or named above.
func TestEveryTextIsRedacted(t *testing.T) {
	ev := &event.Event{Kind: event.Exec, Process: new(event.Process), Container: event.Host}
	plant(reflect.ValueOf(ev).Elem(), "Event")
	plant(reflect.ValueOf(ev.Process).Elem(), "Process")
	got := New(Config{Environment: true}).Event(ev)
	check(t, reflect.ValueOf(got).Elem(), "Event")
	check(t, reflect.ValueOf(got.Process).Elem(), "Process")
}

func each(v reflect.Value, path string, visit func(v reflect.Value, path string)) {
	for i := range v.NumField() {
		f, name := v.Field(i), path+"."+v.Type().Field(i).Name
		if f.Kind() == reflect.Struct && f.Type().PkgPath() == "tiercel.dev/internal/event" {
			each(f, name, visit)
			continue
		}
		visit(f, name)
	}
}

func plant(v reflect.Value, path string) {
	each(v, path, func(f reflect.Value, _ string) {
		switch f.Interface().(type) {
		case string:
			f.SetString(akia)
		case []string:
			f.Set(reflect.ValueOf([]string{akia, akia}))
		case []byte:
			f.SetBytes([]byte(akia + "\x00"))
		}
	})
}

func check(t *testing.T, v reflect.Value, path string) {
	each(v, path, func(f reflect.Value, name string) {
		text := ""
		switch value := f.Interface().(type) {
		case string:
			text = value
		case []string:
			text = strings.Join(value, " ")
		case []byte:
			text = string(value)
		}
		if strings.Contains(text, akia) && !keptAsIs[name] {
			t.Errorf("%s still holds the secret", name)
		}
	})
}
