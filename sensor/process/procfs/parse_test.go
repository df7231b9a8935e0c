package procfs

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

const statTail = " S 31963 31960 23967 34816 31963 4194304 102 0 0 0 0 0 0 0 20 0 3 0 143830 3133440 384 18446744073709551615"

func TestParseStat(t *testing.T) {
	want := stat{
		state: 'S', ppid: 31963, pgid: 31960, sid: 23967, tty: 34816, flags: 4194304, threads: 3, startTicks: 143830,
	}
	for _, comm := range []string{
		"cat", "", "a b", "tmux: server", ") S 1 1 1 1", "(sd-pam)", "a\nb", ") R 0 0 0\n1 (x", "\xff\xfe\x1b[2J", "))))",
	} {
		t.Run(comm, func(t *testing.T) {
			got, err := parseStat([]byte("31972 (" + comm + ")" + statTail + "\n"))
			if err != nil {
				t.Fatal(err)
			}
			want.comm = comm
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(stat{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseStatRefuses(t *testing.T) {
	for _, line := range []string{
		"", "1", "1 (cat", "1 cat)", ")(", "1 (cat)", "1 (cat) S", "1 (cat) S 1 2 3", "1 (cat)" + strings.Repeat(" x", 30),
		"1 (cat) SS" + statTail[2:],
	} {
		if got, err := parseStat([]byte(line)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %+v, %v", line, got, err)
		}
	}
}

func TestDead(t *testing.T) {
	for _, tt := range []struct {
		state   byte
		threads int64
		want    bool
	}{{'S', 1, false}, {'Z', 1, true}, {'X', 0, true}, {'Z', 2, false}} {
		if got := (stat{state: tt.state, threads: tt.threads}).dead(); got != tt.want {
			t.Errorf("%c with %d threads: got %v", tt.state, tt.threads, got)
		}
	}
}

const statusText = "Name:\ta\\nUid:\\t0\nState:\tS (sleeping)\nUid:\t1000\t1001\t1002\t1003\nGid:\t100\t101\t102\t103\n" +
	"Groups:\t4 24 \nNSpid:\t31973\t12\t1\nNSpgid:\t31963\t2\t0\nCapInh:\t0000000000000001\nCapPrm:\t000001fffeffffff\n" +
	"CapEff:\t0000000000000400\n"

func TestParseStatus(t *testing.T) {
	want := status{
		uid: 1001, gid: 101, vpid: 1, vpgid: 0,
		caps: event.Caps{Inheritable: 1, Permitted: 0x1fffeffffff, Effective: 0x400},
	}
	got, err := parseStatus([]byte(statusText))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(status{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, text := range []string{
		"", "Uid:\n", statusText[:100], strings.Replace(statusText, "1001", "x", 1), strings.Replace(statusText, "1fff", "zz", 1),
		strings.Replace(statusText, "\t1001\t1002\t1003", "", 1),
	} {
		if got, err := parseStatus([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func TestExePath(t *testing.T) {
	for _, tt := range []struct {
		link, path string
		memfd      bool
	}{
		{"/usr/bin/cat", "/usr/bin/cat", false},
		{"/tmp/x (deleted)", "/tmp/x", false},
		{"/memfd:payload (deleted)", "memfd:payload", true},
		{"/memfd: (deleted)", "memfd:", true},
		{"/memfd:x", "/memfd:x", false}, // a file of that name: a memfd is always deleted
		{"", "", false},
	} {
		if path, memfd := exePath(tt.link); path != tt.path || memfd != tt.memfd {
			t.Errorf("%q: got %q, %v", tt.link, path, memfd)
		}
	}
}

func TestParseNames(t *testing.T) {
	text := strings.Join([]string{
		"root:x:0:0:root:/root:/bin/bash", "# comment:x:7", "+::::::", "nouid:x", ":x:5:", "neg:x:-1", "big:x:4294967296",
		"huge" + strings.Repeat("u", nameMax) + ":x:8:", "alice:x:1000:1000::/home/alice:/bin/sh", "second:x:1000:1000",
		"esc\x1b[2J\xff:x:9:9", strings.Repeat("long:x:10:", lineMax/10+1), "crlf:x:11\r", "last:x:12",
	}, "\n")
	names := parseNames([]byte(text))
	for id, want := range map[uint32]string{
		0: "root", 1000: "alice", 9: "esc\x1b[2J\xff", 12: "last", 5: "", 7: "", 8: "", 10: "", 11: "", 4294967295: "",
	} {
		if got, ok := names[id]; got != want || ok != (want != "") {
			t.Errorf("%d: got %q, %v, want %q", id, got, ok, want)
		}
	}
}

func TestPIDs(t *testing.T) {
	got := pids([]string{"20", "self", "3", "-1", "0", "99999999999", "1a", "cpuinfo"})
	if diff := cmp.Diff([]int32{3, 20}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("1 (a) b)" + statTail))
	f.Add([]byte(statusText))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := parseStat(text); err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("stat: undocumented error: %v", err)
		}
		if _, err := parseStatus(text); err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("status: undocumented error: %v", err)
		}
		if name, ok := parseNames(text)[1]; ok && (name == "" || len(name) > nameMax || strings.ContainsAny(name, ":\n")) {
			t.Errorf("name %q", name)
		}
	})
}
