package capture_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/capture"
	"tiercel.dev/sensor/redact"
)

// A capture is written while a sensor runs, and read anywhere.
func Example() {
	var file bytes.Buffer
	w, err := capture.NewWriter(&file, capture.Header{Node: "n1"}, redact.New(redact.Config{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	curl := &event.Process{PID: 42, Name: "curl", Args: []string{"--token", "s3cret", "https://example.org"},
		Parent: &event.Process{PID: 1, Name: "init"}}
	if err := errors.Join(w.Write(&event.Event{Kind: event.Exec, Process: curl}), w.Close()); err != nil {
		fmt.Println(err)
		return
	}

	r, err := capture.NewReader(&file)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(r.Header().Node, ev.Kind, ev.Process.Parent.Name, ev.Process.Name, ev.Process.Args)
	}
	// Output: n1 exec init curl [--token [redacted] https://example.org]
}
