package pubsub

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is one StreamingPull. The server's lock guards what it holds.
type stream struct {
	pb.Subscriber_StreamingPullServer
	server   *Server
	name     string
	messages int64         // that may be outstanding; 0 or less for no bound
	bytes    int64         // likewise
	deadline time.Duration // of this stream's deliveries
	held     int64         // messages outstanding
	heldSize int64         // their bytes
	returned chan struct{} // signals that held became less
}

// StreamingPull sends as much as the client's flow control allows.
func (s *Server) StreamingPull(g pb.Subscriber_StreamingPullServer) error {
	first, err := g.Recv()
	if err != nil {
		return err
	}
	st := &stream{
		Subscriber_StreamingPullServer: g, server: s, name: first.GetSubscription(), messages: first.GetMaxOutstandingMessages(),
		bytes: first.GetMaxOutstandingBytes(), returned: make(chan struct{}, 1),
	}
	if n := first.GetStreamAckDeadlineSeconds(); n < minAckDeadline || n > maxAckDeadline {
		return status.Errorf(codes.InvalidArgument, "subscription %q: stream_ack_deadline_seconds is not 10 to 600", st.name)
	}
	if err := st.handle(first); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(g.Context())
	go func() { cancel(st.receive()) }()
	return st.send(ctx)
}

// hold is called when a message of size bytes goes out on the stream, release when it is settled, by whatever way.
func (st *stream) hold(size int64) {
	st.held++
	st.heldSize += size
}

func (st *stream) release(size int64) {
	st.held--
	st.heldSize -= size
	select {
	case st.returned <- struct{}{}:
	default:
	}
}

// receive handles what the client says until it is done.
func (st *stream) receive() error {
	for {
		r, err := st.Recv()
		if err == nil {
			err = st.handle(r)
		}
		if err != nil {
			return err
		}
	}
}

func (st *stream) handle(r *pb.StreamingPullRequest) error {
	if len(r.GetModifyDeadlineAckIds()) != len(r.GetModifyDeadlineSeconds()) {
		return status.Errorf(codes.InvalidArgument, "subscription %q: %d ids and %d deadlines", st.name, len(r.ModifyDeadlineAckIds), len(r.ModifyDeadlineSeconds))
	}
	wrong := func(n int32) bool { return n < 0 || n > maxAckDeadline }
	if slices.ContainsFunc(r.GetModifyDeadlineSeconds(), wrong) || wrong(r.GetStreamAckDeadlineSeconds()) {
		return status.Errorf(codes.InvalidArgument, "subscription %q: a deadline is not 0 to 600 s", st.name)
	}
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	sub, err := st.server.pullable(st.name)
	if err != nil {
		return err
	}
	if n := r.GetStreamAckDeadlineSeconds(); n > 0 {
		st.deadline = time.Duration(n) * time.Second
	}
	for _, id := range r.GetAckIds() {
		sub.ack(id)
	}
	for i, id := range r.GetModifyDeadlineAckIds() {
		sub.extend(id, r.ModifyDeadlineSeconds[i])
	}
	return nil
}

func (st *stream) send(ctx context.Context) error {
	for {
		w := st.room()
		if w.n == 0 {
			select {
			case <-st.returned:
				continue
			case <-st.server.ctx.Done():
				return st.server.open()
			case <-ctx.Done():
				return ended(ctx)
			}
		}
		got, err := st.server.await(ctx, st.name, w)
		if err != nil {
			if ctx.Err() != nil {
				return ended(ctx)
			}
			return err
		}
		if err := st.Send(&pb.StreamingPullResponse{ReceivedMessages: got}); err != nil {
			return err
		}
	}
}

// ended is how a stream ends that the client closed, or broke.
func ended(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// room is what the client may get now.
func (st *stream) room() want {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	w := want{n: maxMessages, bytes: maxPull, deadline: st.deadline, holder: st}
	if st.messages > 0 {
		w.n = int(max(0, min(maxMessages, st.messages-st.held)))
	}
	if st.bytes > 0 {
		if w.bytes = min(w.bytes, st.bytes-st.heldSize); w.bytes <= 0 {
			w.n = 0
		}
	}
	return w
}
