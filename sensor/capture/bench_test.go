package capture

import (
	"bytes"
	"io"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/redact"
)

func BenchmarkWrite(b *testing.B) {
	n := newNode(4)
	for range 2000 {
		n.next() // processes to choose from
	}
	var events []*event.Event
	for len(events) < 1000 {
		if ev := n.next(); ev.Kind == event.Openat || ev.Kind == event.Connect {
			c := *ev
			events = append(events, &c)
		}
	}
	w, err := NewWriter(io.Discard, testHeader, redact.New(redact.Config{}))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if err := w.Write(events[i%len(events)]); err != nil {
			b.Fatal(err)
		}
		i++
	}
	_, bytes := w.Written()
	b.ReportMetric(float64(bytes)/float64(i), "file-B/op")
}

func BenchmarkRead(b *testing.B) {
	file := record(b, newNode(5), 20000, redact.New(redact.Config{}))
	b.ReportAllocs()
	events := 0
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		for _, err = r.Next(); err == nil; _, err = r.Next() {
			events++
		}
		r.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}
