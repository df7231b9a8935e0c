package enrich_test

import "testing"

// BenchmarkHandle is an alert of a known place, with a where list, without the publish.
func BenchmarkHandle(b *testing.B) {
	w := newWorld(b)
	e, _, _ := judged(w, "policies:\n"+policy("lab", `cluster.label["env"] == "lab"`, "mute: true")+policy("front", `k8s.exposed && severity < HIGH`, "mute: true"))
	m := message(acted(1))
	if err := e.Handle(b.Context(), m); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.published = w.published[:0]
		if err := e.Handle(b.Context(), m); err != nil {
			b.Fatal(err)
		}
	}
}
