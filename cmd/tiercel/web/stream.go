package web

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/cmd/tiercel/board"
)

// events sends changes as they come, as server-sent events. An event's id is the run and the change's number: a browser
// that comes back says the last it had, and is sent what came after; one of another run, or too far behind, is sent a
// snapshot. No stream has a queue, so a browser that does not read costs no memory, and after writeTimeout is dropped.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		http.Error(w, fmt.Sprintf("%d pages watch already", maxStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w: w, control: http.NewResponseController(w), timeout: p.timeout, run: p.board.Run()}
	s.seq = s.after(r.Header.Get("Last-Event-ID"))
	if s.write(fmt.Appendf(nil, "retry: %d\n\n", comeBack.Milliseconds())) != nil {
		return
	}
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		changes, more := p.board.Since(s.seq)
		if s.send(changes) != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-p.closing:
			last, _ := p.board.Since(s.seq)
			_ = s.send(last) // whoever is gone cannot be told
			return
		case <-ping.C:
			if s.write([]byte(": still here\n\n")) != nil {
				return
			}
		case <-more:
			time.Sleep(gather)
		}
	}
}

// A stream is one browser's.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // of a write
	run     string
	seq     uint64 // of the last change sent
}

// after is the number in an event's id; 0 if it is not of this run.
func (s *stream) after(id string) uint64 {
	run, number, _ := strings.Cut(id, ".")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil || run != s.run {
		return 0
	}
	return seq
}

func (s *stream) send(changes []board.Change) error {
	if len(changes) == 0 {
		return nil
	}
	var b bytes.Buffer
	for _, c := range changes {
		fmt.Fprintf(&b, "id: %s.%d\nevent: %s\ndata: %s\n\n", s.run, c.Seq, c.Name, c.JSON)
		s.seq = c.Seq
	}
	return s.write(b.Bytes())
}

func (s *stream) write(text []byte) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}
