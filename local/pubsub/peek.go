package pubsub

import pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

// Peek returns the newest messages that a subscription has and nobody has acknowledged, at most so many and the newest first,
// without delivering them: the service has no such call. The messages must not be changed. A subscription
// that is not there has none.
func (s *Server) Peek(subscription string, most int) []*pb.PubsubMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[subscription]
	if sub == nil {
		return nil
	}
	var all []*pb.PubsubMessage
	for e := sub.all.Back(); e != nil && len(all) < most; e = e.Prev() {
		if d := e.Value.(*delivery); d.state != acked && d.state != unwritten {
			all = append(all, d.m.proto())
		}
	}
	return all
}
