package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"

	"tiercel.dev/internal/event"
)

// setLists sets what the lists hold at the step i of a recording: one that changes and one that does not.
func setLists(w *Writer, i int) {
	w.SetList("servers", []string{"10.96.0.1", fmt.Sprintf("10.0.0.%d", i)}, nil)
	w.SetList("ports", nil, []int64{443, -1, math.MinInt64, math.MaxInt64})
}

// seen are the lists as each event of a capture saw them, and the error that ended it; nil for a whole one.
func seen(t *testing.T, file []byte) ([]map[string]List, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	now := map[string]List{}
	r.OnList(func(name string, l List) { now[name] = l })
	var out []map[string]List
	for {
		if _, err = r.Next(); err != nil {
			break
		}
		at := map[string]List{}
		for name, l := range now {
			at[name] = l
		}
		out = append(out, at)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out, err
}

func listsAt(i int) map[string]List {
	return map[string]List{"servers": {Texts: []string{"10.96.0.1", fmt.Sprintf("10.0.0.%d", i)}},
		"ports": {Ints: []int64{443, -1, math.MinInt64, math.MaxInt64}}}
}

func TestEveryEventSeesItsLists(t *testing.T) {
	file, _, _ := small(t)
	got, err := seen(t, file)
	if err != nil || len(got) != 9 {
		t.Fatalf("%d events, %v", len(got), err)
	}
	for i, lists := range got {
		if d := cmp.Diff(listsAt(i/3), lists); d != "" {
			t.Errorf("event %d: %s", i, d)
		}
	}
}

// Whatever happens to a file, no event is read with other lists than it saw.
func TestListsOfDamagedFiles(t *testing.T) {
	file, _, _ := small(t)
	check := func(name string, file []byte) {
		got, err := seen(t, file)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for i, lists := range got {
			if d := cmp.Diff(listsAt(i/3), lists); d != "" {
				t.Fatalf("%s: event %d: %s", name, i, d)
			}
		}
	}
	for i := range file {
		check(fmt.Sprint("cut at ", i), file[:i])
		damaged := bytes.Clone(file)
		damaged[i] ^= 0x40
		check(fmt.Sprint("flipped at ", i), damaged)
	}
}

func listRecords(t *testing.T, set func(*Writer, func())) []string {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	set(w, func() {
		if err := w.Write(&event.Event{Kind: event.Open}); err != nil {
			t.Fatal(err)
		}
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	r.OnList(func(name string, l List) { got = append(got, fmt.Sprint(name, l.Texts, l.Ints)) })
	for err == nil {
		if _, err = r.Next(); err == nil {
			got = append(got, "event")
		}
	}
	return got
}

func TestListsAreWrittenWhenTheyChange(t *testing.T) {
	got := listRecords(t, func(w *Writer, write func()) {
		w.SetList("b", []string{"x"}, nil)
		w.SetList("a", nil, nil) // empty is not unset
		write()
		w.SetList("b", []string{"x"}, nil)
		write()
		w.SetList("b", []string{"y"}, nil)
		w.SetList("b", []string{"x"}, nil) // changed back before anything saw it
		write()
		w.SetList("b", nil, []int64{7})
		write()
		w.SetList("b", nil, nil) // nothing sees it
	})
	if d := cmp.Diff([]string{"a[] []", "b[x] []", "event", "event", "event", "b[] [7]", "event"}, got); d != "" {
		t.Error(d)
	}
}

// What a Writer was given may change afterwards.
func TestListIsCopied(t *testing.T) {
	got := listRecords(t, func(w *Writer, write func()) {
		texts, ints := []string{"x"}, []int64{1}
		w.SetList("a", texts, ints)
		texts[0], ints[0] = "y", 2
		write()
	})
	if d := cmp.Diff([]string{"a[x] [1]", "event"}, got); d != "" {
		t.Error(d)
	}
}

func TestReplayThenRecordIsEqualWithLists(t *testing.T) {
	var first bytes.Buffer
	w, err := NewWriter(&first, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	n := newNode(8)
	for i := range 5000 {
		setLists(w, i/70)
		if err := w.Write(n.next()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if second := again(t, first.Bytes()); !bytes.Equal(first.Bytes(), second) {
		t.Errorf("%d bytes, recorded again %d, and not the same", first.Len(), len(second))
	}
}

// again records a capture's replay.
func again(t *testing.T, file []byte) []byte {
	t.Helper()
	in, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	out, err := NewWriter(&b, in.Header(), asIs)
	if err != nil {
		t.Fatal(err)
	}
	in.OnList(func(name string, l List) { out.SetList(name, l.Texts, l.Ints) })
	for {
		ev, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = out.Write(ev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Flushing moves where blocks end and nothing else, and what was flushed is on disk though no event ever comes.
func TestFlush(t *testing.T) {
	n := newNode(9)
	var flushed bytes.Buffer
	w, err := NewWriter(&flushed, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	var want []*event.Event
	for i := range 300 {
		setLists(w, i/50)
		ev := n.next()
		want = append(want, ev.Clone())
		if err := w.Write(ev); err != nil {
			t.Fatal(err)
		}
		if i%10 != 9 {
			continue
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		// The recorder is killed here.
		if got, err := read(flushed.Bytes()); !errors.Is(err, ErrTruncated) || len(got) != i+1 {
			t.Fatalf("%d of %d events are on disk, %v", len(got), i+1, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	plain := again(t, flushed.Bytes())
	if bytes.Equal(flushed.Bytes(), plain) {
		t.Error("flushing did not end a block")
	}
	if !bytes.Equal(plain, again(t, plain)) {
		t.Error("without flushing, the second recording is not the first")
	}
	got, err := read(plain)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, addrs); d != "" {
		t.Error(d)
	}
}

func TestListsAreBounded(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&event.Event{Kind: event.Open}); err != nil {
		t.Fatal(err)
	}
	w.SetList("a", []string{strings.Repeat("a", maxLists/2)}, nil)
	if err := w.Write(&event.Event{Kind: event.Open}); err != nil {
		t.Fatal(err)
	}
	w.SetList("b", []string{strings.Repeat("b", maxLists/2)}, nil)
	if err := w.Write(&event.Event{Kind: event.Open}); err == nil || !strings.Contains(err.Error(), "lists of 1048596 bytes") {
		t.Errorf("lists of more than 1 MiB: %v", err)
	}
}

func TestBadLists(t *testing.T) {
	field := func(number int, content string) []byte {
		b := protowire.AppendTag(nil, protowire.Number(number), protowire.BytesType)
		return protowire.AppendString(b, content)
	}
	for want, message := range map[string][]byte{
		"list: field 3: a number of a list is cut":             field(3, "\x80"),
		"list: field 2: a string of a list is cut":             field(2, "\x05ab"),
		"a list of 1048580 bytes, and the largest has 1048576": field(2, strings.Repeat("\x00", maxLists)),
		"list: field 1 is cut or of no known type":             {1<<3 | 5, 0, 0, 0, 0},
		"a record of kind 5 is cut":                            nil,
	} {
		file := made(records(recordList, message), endOf(0))
		if message == nil {
			file = made(block(blockRecords, compress([]byte{recordList, 9}), 2), endOf(0))
		}
		if _, err := read(file); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// A timer flushes and a resolver sets lists while events are written.
func TestWriterIsShared(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	var others sync.WaitGroup
	others.Go(func() {
		for i := range 200 {
			setLists(w, i)
		}
	})
	others.Go(func() {
		for range 200 {
			if err := w.Flush(); err != nil {
				t.Error(err)
			}
			w.Written()
		}
	})
	n := newNode(10)
	for range 500 {
		if err := w.Write(n.next()); err != nil {
			t.Fatal(err)
		}
	}
	others.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := read(b.Bytes()); err != nil || len(got) != 500 {
		t.Errorf("%d events, %v", len(got), err)
	}
}
