package board

import (
	"fmt"
	"testing"
	"time"

	"tiercel.dev/alert"
)

// BenchmarkAlert is what an alert costs the goroutine of the output that shows it. The pipeline does not wait for it.
func BenchmarkAlert(b *testing.B) {
	board := New(time.Now())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		a := read(fmt.Sprint(i), 0)
		a.Process, a.Ancestors = &alert.Process{CommandLine: "cat /etc/shadow"}, []*alert.Process{{CommandLine: "bash"}, {CommandLine: "sshd"}}
		board.Alert(a)
	}
}
