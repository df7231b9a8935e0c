package pubsub

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// childEnv makes the test binary a server that publishes to itself, in the folder that it holds.
const childEnv = "TIERCEL_TEST_KILLED_PUBSUB"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		publishUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// publishUntilKilled says each message that Publish took. One subscription has all acknowledged, the other keeps all.
func publishUntilKilled(dir string) {
	s, err := Open(dir, Config{})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	s.CreateTopic(ctx, &pb.Topic{Name: topicT}) // but for the first child they are there
	for _, name := range []string{subS, subR} {
		s.CreateSubscription(ctx, &pb.Subscription{Name: name, Topic: topicT})
	}
	fmt.Println("start")
	go func() {
		for {
			got, err := s.Pull(ctx, &pb.PullRequest{Subscription: subR, MaxMessages: 10})
			if err != nil {
				panic(err)
			}
			for _, m := range got.ReceivedMessages {
				fmt.Println("acknowledging", m.Message.MessageId, string(m.Message.Data))
				s.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: subR, AckIds: []string{m.AckId}})
				fmt.Println("acknowledged", m.Message.MessageId, string(m.Message.Data))
			}
		}
	}()
	for worker := range 4 {
		go func() {
			for i := 0; ; i++ {
				data := fmt.Sprintf("%d-%d-%d", os.Getpid(), worker, i)
				got, err := s.Publish(ctx, &pb.PublishRequest{Topic: topicT, Messages: []*pb.PubsubMessage{{Data: []byte(data)}}})
				if err != nil {
					panic(err)
				}
				fmt.Println("published", got.MessageIds[0], data)
			}
		}()
	}
	select {}
}

// killChild runs the child in the folder, kills it after a while, and returns what it said, by id.
func killChild(t *testing.T, dir string, after time.Duration) (said map[string]map[string]string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said = map[string]map[string]string{"published": {}, "acknowledging": {}, "acknowledged": {}}
	for sc := bufio.NewScanner(out); sc.Scan(); {
		words := strings.Fields(sc.Text())
		switch {
		case len(words) == 1 && words[0] == "start":
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		case len(words) == 3 && said[words[0]] != nil:
			said[words[0]][words[1]] = words[2]
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("child ended by itself: %v", err)
	}
	return said
}

// TestKill kills a server again and again. Whatever Publish took is there afterwards, once, under its id, for the
// subscription that acknowledged nothing; what the other acknowledged is gone but for the last moments, and nothing that it
// did not acknowledge is.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	published, begun, acknowledged := make(map[string]string), make(map[string]string), make(map[string]string)
	for range 5 {
		said := killChild(t, dir, time.Duration(50+rand.IntN(200))*time.Millisecond)
		for id, data := range said["published"] {
			if other, ok := published[id]; ok {
				t.Errorf("id %s was given to %s and to %s", id, other, data)
			}
			published[id] = data
		}
		maps.Copy(begun, said["acknowledging"])
		maps.Copy(acknowledged, said["acknowledged"])
	}
	if len(published) == 0 {
		t.Fatal("no child said that anything was published")
	}
	s := reopen(t, dir)
	keeps, takes := drain(t, s, subS), drain(t, s, subR)
	t.Logf("%d published, %d kept; %d acknowledged, %d to come again", len(published), len(keeps), len(acknowledged), len(takes))
	for id, data := range published {
		if keeps[id] != data {
			t.Errorf("message %s, %s, was published and is now %q", id, data, keeps[id])
		}
		if begun[id] == "" && takes[id] == "" {
			t.Errorf("message %s, %s, was not acknowledged and is gone", id, data)
		}
	}
	for id, data := range acknowledged {
		if keeps[id] != data {
			t.Errorf("message %s, %s, was delivered to one subscription and is %q to the other", id, data, keeps[id])
		}
	}
}

// drain returns what a subscription has, by id.
func drain(t *testing.T, s *Server, sub string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for stats(s)[sub].Ready > 0 {
		for _, m := range pull(t, s, sub, maxMessages) {
			if data, ok := all[m.Message.MessageId]; ok {
				t.Errorf("%s: id %s is of %s and of %s", sub, m.Message.MessageId, data, m.Message.Data)
			}
			all[m.Message.MessageId] = string(m.Message.Data)
		}
	}
	return all
}
