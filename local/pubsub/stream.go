package pubsub

import (
	"context"
	"errors"
	"io"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// stream is one StreamingPull.
type stream struct {
	server *Server
	pb.Subscriber_StreamingPullServer
	name     string
	messages int64 // that may be outstanding; 0 for no bound
	bytes    int64
	returned chan struct{} // signals that something was acknowledged or given back
	mine     map[string]int64
	held     int64 // bytes of mine
}

// StreamingPull sends as much as the client's flow control allows.
func (s *Server) StreamingPull(g pb.Subscriber_StreamingPullServer) error {
	first, err := g.Recv()
	if err != nil {
		return err
	}
	st := &stream{server: s, Subscriber_StreamingPullServer: g, name: first.GetSubscription(), messages: first.GetMaxOutstandingMessages(),
		bytes: first.GetMaxOutstandingBytes(), returned: make(chan struct{}, 1), mine: make(map[string]int64)}
	if err := st.handle(first); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(g.Context())
	go func() { cancel(st.receive()) }()
	return st.send(ctx)
}

// receive handles what the client says until it is done.
func (st *stream) receive() error {
	for {
		r, err := st.Recv()
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
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
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	sub, err := st.server.subscription(st.name)
	if err != nil {
		return err
	}
	for _, id := range r.GetAckIds() {
		sub.ack(id)
	}
	for i, id := range r.GetModifyDeadlineAckIds() {
		sub.extend(id, r.ModifyDeadlineSeconds[i])
	}
	st.settle(sub)
	select {
	case st.returned <- struct{}{}:
	default:
	}
	return nil
}

// settle forgets deliveries that are over, by whatever way, for the flow control. The caller has the lock.
func (st *stream) settle(sub *subscription) {
	for id, size := range st.mine {
		if sub.outstanding[id] == nil {
			delete(st.mine, id)
			st.held -= size
		}
	}
}

func (st *stream) send(ctx context.Context) error {
	for {
		n, bytes := st.room()
		if n == 0 {
			select {
			case <-st.returned:
				continue
			case <-time.After(time.Second): // a deadline may have ended, which nobody tells
				continue
			case <-ctx.Done():
				return ended(ctx)
			}
		}
		got, err := st.server.await(ctx, st.name, n, bytes)
		if err != nil {
			if ctx.Err() != nil {
				return ended(ctx)
			}
			return err
		}
		st.note(got)
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
func (st *stream) room() (n int, bytes int64) {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	if sub := st.server.subs[st.name]; sub != nil {
		st.settle(sub)
	}
	n, bytes = maxMessages, maxPull
	if st.messages > 0 {
		n = max(0, min(n, int(st.messages)-len(st.mine)))
	}
	if st.bytes > 0 {
		if bytes = min(bytes, st.bytes-st.held); bytes <= 0 {
			n = 0
		}
	}
	return n, bytes
}

func (st *stream) note(got []*pb.ReceivedMessage) {
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	for _, r := range got {
		size := int64(proto.Size(r.Message))
		st.mine[r.AckId] = size
		st.held += size
	}
}
