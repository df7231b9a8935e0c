package gke

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// An operation is something that takes time. One cluster has one at a time.
type operation struct {
	kind    pb.Operation_Type
	pool    string // its target's name; "" for the cluster's
	method  string // as audit logs name what asked for it
	by      string // who asked for it
	took    time.Duration
	soak    time.Duration // how long it waits then, if nobody ends that
	to      string        // the version that it brings; "" if none
	steps   int           // what it does one after the other, such as nodes
	step    func(int)     // does one of them; nil if there are none
	begun   func()        // what is true once it has begun; nil for nothing, as the next two
	soaking func()        // what is true when it waits
	done    func()        // what is true when it has succeeded
	failed  func()        // or failed

	pb   *pb.Operation
	name string
}

// pending is how long an operation waits before it runs.
const pending = 5 * time.Second

// start starts o on the cluster, which has no other. The caller has the lock.
func (s *Server) start(c *cluster, o *operation) {
	s.made++
	project, location, _ := strings.Cut(strings.TrimPrefix(c.name, "projects/"), "/locations/")
	location, _, _ = strings.Cut(location, "/")
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", c.name, s.made))
	short := fmt.Sprintf("operation-%d-%s", s.now.UnixMilli(), hex.EncodeToString(sum[:4]))
	o.name = fmt.Sprintf("projects/%s/locations/%s/operations/%s", project, location, short)
	target := c.numbered()
	if o.pool != "" {
		target += "/nodePools/" + o.pool
	}
	o.pb = &pb.Operation{
		Name: short, OperationType: o.kind, Status: pb.Operation_PENDING, Location: location, StartTime: stamp(s.now),
		SelfLink: link(fmt.Sprintf("projects/%d/locations/%s/operations/%s", ProjectNumber(project), location, short)), TargetLink: link(target),
	}
	s.operations[o.name], c.busy = o.pb, o
	if o.to != "" {
		c.history = append(c.history, upgrade{pool: o.pool, from: c.versionOf(o.pool), to: o.to, begun: s.now, auto: o.by == c.agent()})
	}
	s.auditFirst(c, o)
	if o.begun != nil {
		o.begun()
	}
	begun := s.now
	if o.took == 0 {
		s.end(c, nil)
		s.maintain(c)
		return
	}
	s.at(begun.Add(min(pending, o.took)), func() { s.run(c, o, begun) })
}

// run has a pending operation run until it ends.
func (s *Server) run(c *cluster, o *operation, begun time.Time) {
	if c.busy != o {
		return
	}
	o.pb.Status = pb.Operation_RUNNING
	o.progress(0)
	var failed error
	if s.cfg.Fail != nil {
		failed = s.cfg.Fail(proto.CloneOf(o.pb))
	}
	ends, steps := o.took+o.soak, o.steps
	if o.soak > 0 && failed == nil {
		s.at(begun.Add(o.took), func() {
			if c.busy == o {
				o.soaking()
			}
		})
	}
	if failed != nil {
		ends, steps = o.took/2, o.steps/2
	}
	for i := range steps {
		s.at(begun.Add(o.took*time.Duration(i+1)/time.Duration(o.steps)), func() {
			if c.busy == o {
				o.step(i)
				o.progress(i + 1)
			}
		})
	}
	s.at(begun.Add(ends), func() {
		if c.busy == o {
			s.end(c, failed)
			s.maintain(c)
		}
	})
}

// end ends the cluster's operation, with what it was for done or an error said. The caller has the lock.
func (s *Server) end(c *cluster, failed error) {
	o := c.busy
	c.busy = nil
	o.pb.Status, o.pb.EndTime = pb.Operation_DONE, stamp(s.now)
	if failed != nil {
		st := status.Convert(failed)
		o.pb.Error = &rpcstatus.Status{Code: int32(st.Code()), Message: st.Message()}
	}
	if o.to != "" {
		last := &c.history[len(c.history)-1]
		last.ended, last.failed = s.now, failed != nil
	}
	s.auditLast(c, o, failed)
	switch {
	case failed == nil && o.done != nil:
		o.done()
	case failed != nil && o.failed != nil:
		o.failed()
	}
}

// progress says how many of the steps are done.
func (o *operation) progress(done int) {
	if o.steps == 0 {
		return
	}
	metric := func(name string, n int) *pb.OperationProgress_Metric {
		return &pb.OperationProgress_Metric{Name: name, Value: &pb.OperationProgress_Metric_IntValue{IntValue: int64(n)}}
	}
	o.pb.Progress = &pb.OperationProgress{Metrics: []*pb.OperationProgress_Metric{metric("NODES_TOTAL", o.steps), metric("NODES_COMPLETE", done)}}
}

// ProjectNumber is a project's number, by which operations name it. It is made up of the id.
func ProjectNumber(project string) int64 {
	sum := sha256.Sum256([]byte(project))
	return 1e11 + int64(binary.BigEndian.Uint64(sum[:])%9e11)
}

// numbered is the cluster's name with its project's number.
func (c *cluster) numbered() string {
	project, rest, _ := strings.Cut(strings.TrimPrefix(c.name, "projects/"), "/")
	return fmt.Sprintf("projects/%d/%s", ProjectNumber(project), rest)
}

// PutOperation puts an operation, or replaces the one of its name: the tests' way to say how one goes on. Its name, its
// location and its target, a cluster or node pool of the project, are needed.
func (s *Server) PutOperation(project string, o *pb.Operation) error {
	name := fmt.Sprintf("projects/%s/locations/%s/operations/%s", project, o.GetLocation(), o.GetName())
	if !operationName.MatchString(name) {
		return status.Errorf(codes.InvalidArgument, "operation %q: not a name of the form %s", name, operationName)
	}
	s.lock()
	defer s.mu.Unlock()
	o = proto.CloneOf(o)
	o.SelfLink = link(name)
	s.operations[name] = o
	return nil
}

// GetOperation returns an operation.
func (s *Server) GetOperation(ctx context.Context, r *pb.GetOperationRequest) (*pb.Operation, error) {
	if err := s.begin(ctx, "GetOperation", r.GetName(), operationName, "container.operations.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	if err := s.answers(r.Name); err != nil {
		return nil, err
	}
	o := s.operations[r.Name]
	if o == nil {
		return nil, notFound(r.Name)
	}
	return proto.CloneOf(o), nil
}

// ListOperations returns the operations of a location, or with "-" of all that answer.
func (s *Server) ListOperations(ctx context.Context, r *pb.ListOperationsRequest) (*pb.ListOperationsResponse, error) {
	if err := s.begin(ctx, "ListOperations", r.GetParent(), locationName, "container.operations.list"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	names, missing, err := within(s, s.operations, r.Parent)
	if err != nil {
		return nil, err
	}
	answer := &pb.ListOperationsResponse{MissingZones: missing}
	for _, name := range names {
		answer.Operations = append(answer.Operations, proto.CloneOf(s.operations[name]))
	}
	return answer, nil
}
