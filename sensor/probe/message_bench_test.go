package probe

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// BenchmarkRepeatedSend times a datagram to one peer with nothing attached, with new peers wanted, and with every message
// wanted and read. Records are those of each 100,000 messages: next to none where only news is wanted.
func BenchmarkRepeatedSend(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sink, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		b.Skip(err)
	}
	defer unix.Close(sink)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(sink, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		b.Fatal(err)
	}
	to, err := unix.Getsockname(sink)
	if err != nil {
		b.Fatal(err)
	}
	send := func() error { return unix.Sendto(fd, []byte("x"), 0, to) }
	b.Run("nothing", func(b *testing.B) { repeat(b, send) })
	for _, scope := range []event.Scope{event.All, event.All | event.EveryMessage} {
		b.Run(map[bool]string{false: "news", true: "every"}[scope&event.EveryMessage != 0], func(b *testing.B) {
			var records int
			p := open(b, Config{Filter: event.Filter{event.Sendto: scope}})
			done := make(chan struct{})
			go func() {
				defer close(done)
				var ev event.Event
				for {
					raw, err := p.Next()
					if err != nil {
						return
					}
					if p.Decode(raw, &ev) == nil && ev.Kind == event.Sendto {
						records++
					}
				}
			}()
			b.ResetTimer()
			repeat(b, send)
			b.StopTimer()
			p.Close()
			<-done
			b.ReportMetric(float64(records)/float64(b.N)*1e5, "records/100k")
		})
	}
}
