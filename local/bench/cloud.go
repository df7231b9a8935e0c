package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/topic"
	"tiercel.dev/local"
)

// A bench is the embedded cloud in this process, with a publisher, and when each finding was first written.
type bench struct {
	cloud  *local.Cloud
	client *pubsub.Client
	topic  *topic.Topic
	node   string

	mu      sync.Mutex
	written map[string]time.Time // by id
	events  map[string]uint64    // what each finding says
}

func newBench(ctx context.Context) (*bench, error) {
	node, err := local.NodeName()
	if err != nil {
		return nil, err
	}
	b := &bench{node: node, written: make(map[string]time.Time), events: make(map[string]uint64)}
	b.cloud, err = local.Start(local.Config{
		Changed: b.changed, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return nil, err
	}
	if b.client, err = pubsub.NewClient(ctx, local.Project, b.cloud.Options()...); err != nil {
		return nil, err
	}
	b.topic = topic.New(b.client, local.RawTopic)
	return b, nil
}

func (b *bench) close() {
	b.topic.Stop()
	b.client.Close()
	b.cloud.Close()
}

func (b *bench) changed(f *sccpb.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := f.Name[strings.LastIndex(f.Name, "/")+1:]
	if _, ok := b.written[id]; !ok {
		b.written[id] = time.Now()
	}
	b.events[id] = uint64(f.SourceProperties["count"].GetNumberValue())
}

// sum is how many events the findings stand for.
func (b *bench) sum() (sum uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.events {
		sum += n
	}
	return sum
}

// publish publishes an alert whose finding is that of all with the same what.
func (b *bench) publish(ctx context.Context, seq uint64, what int, severity alert.Severity) (id string, err error) {
	sensor := "node-" + strconv.Itoa(what%100)
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sensor, BootId: "bench", Seq: seq, AlertId: alert.ID(sensor, "bench", seq),
		Identity: fmt.Sprintf("%032x", what), Time: alert.Time(time.Now().UnixNano()), Severity: severity, Output: "a file was read",
		Rule:    &alert.Rule{Name: "bench_read", Title: "File read", Attack: []string{"T1005"}},
		Process: &alert.Process{Pid: 7, Name: "cat", CommandLine: "cat " + strconv.Itoa(what), ExePath: "/usr/bin/cat"},
		Node:    &alert.Node{Name: b.node}, Cluster: &alert.Cluster{Project: local.Project, Location: local.Location, Name: local.Cluster},
	}
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		return "", err
	}
	return scc.ID(a), b.topic.Publish(ctx, data, alert.Attributes(a))
}
