package lookup

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func cache(size int) *Cache[int] {
	return New(Config[int]{Size: size, Timeout: time.Second, Keep: func(_ int, err error) time.Duration {
		if err != nil {
			return time.Second
		}
		return time.Minute
	}})
}

func TestKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, calls := cache(10), 0
		broken := errors.New("broken")
		ask := func(context.Context) (int, error) {
			calls++
			if calls == 1 {
				return 0, broken
			}
			return calls, nil
		}
		expect := func(what string, want int, wantErr error, wantCalls int) {
			t.Helper()
			if v, err := c.Get(t.Context(), "a", ask); v != want || err != wantErr || calls != wantCalls {
				t.Errorf("%s: %d, %v after %d calls; want %d, %v after %d", what, v, err, calls, want, wantErr, wantCalls)
			}
		}
		expect("first", 0, broken, 1)
		expect("an error is kept too", 0, broken, 1)
		time.Sleep(time.Second)
		expect("for its own time", 2, nil, 2)
		time.Sleep(59 * time.Second)
		expect("an answer longer", 2, nil, 2)
		time.Sleep(time.Second)
		expect("not for ever", 3, nil, 3)
		time.Sleep(time.Second)
		if v, err := c.GetSince(t.Context(), "a", time.Now(), ask); v != 4 || err != nil {
			t.Errorf("since now: %d, %v", v, err)
		}
		if v, err := c.GetSince(t.Context(), "a", time.Now().Add(-time.Second), ask); v != 4 || err != nil {
			t.Errorf("since a second ago: %d, %v", v, err)
		}
	})
}

// Many who want the same make one request, whose end is not that of who began it.
func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache(10)
		var calls atomic.Int32
		ask := func(ctx context.Context) (int, error) {
			calls.Add(1)
			time.Sleep(500 * time.Millisecond)
			return 7, ctx.Err()
		}
		var all sync.WaitGroup
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if _, err := c.Get(ctx, "a", ask); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		for range 100 {
			all.Go(func() {
				if v, err := c.Get(t.Context(), "a", ask); v != 7 || err != nil {
					t.Errorf("%d, %v", v, err)
				}
			})
		}
		all.Wait()
		if calls.Load() != 1 {
			t.Errorf("%d calls", calls.Load())
		}
	})
}

// A request that hangs is given up, and one that panics is an error.
func TestAskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache(10)
		_, err := c.Get(t.Context(), "slow", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := c.Get(t.Context(), "panics", func(context.Context) (int, error) { panic("x") }); err == nil || err.Error() != "panic: x" {
			t.Error(err)
		}
	})
}

func TestBound(t *testing.T) {
	c := cache(100)
	for i := range 10_000 {
		if v, err := c.Get(t.Context(), strconv.Itoa(i), func(context.Context) (int, error) { return i, nil }); v != i || err != nil {
			t.Fatalf("%d: %d, %v", i, v, err)
		}
	}
	if n := c.answers.Len(); n != 100 {
		t.Errorf("%d answers are kept", n)
	}
}

func BenchmarkGet(b *testing.B) {
	c := cache(1000)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	ask := func(context.Context) (int, error) { return 1, nil }
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Get(b.Context(), keys[i%len(keys)], ask); err != nil {
			b.Fatal(err)
		}
	}
}
