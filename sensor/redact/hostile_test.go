package redact

import (
	"slices"
	"strings"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

// hostile are texts made to send a scanner back and forth.
var hostile = []string{
	"=", ":", "a=", "password=", "password=$A:", "pwd=/", `pwd="/`, "password=,", "a:b@", "://", "://a:b", "://a:b/", "://u:p@", `"`, `\"`, "'", "-", "--",
	"eyJ", "-eyJ", ".eyJ", "eyJaaaaaaaaaa.", "ya29.", "-ya29.", "1//0", "AKIA", "ghp_", "sk-ant-", "bearer ", "bearer", "Authorization: ",
	"authorization:basic ", "cookie:", "auth=", `auth="`, pemBegin, "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA",
	"-----END", Mark, "password=" + Mark, Mark + "=", " -p", "mysql -p", "curl -u a:", "set password ", `password="\`, "\x00", "\xff",
}

// There is no clock in this test: a linear scan of these takes a moment, one that is not runs into the time limit of
// the whole test.
func TestHostileTexts(t *testing.T) {
	race.Skip(t, "one goroutine reads texts of a MiB")
	for _, piece := range hostile {
		long := strings.Repeat(piece, 1<<20/len(piece))
		got, _ := Text(long)
		if again, n := Text(got); n != 0 || again != got {
			t.Errorf("%q repeated: redacted again, %d", piece, n)
		}
	}
}

// As many and as long as a process can have.
func TestHostileArguments(t *testing.T) {
	race.Skip(t, "one goroutine reads arguments by the thousand")
	for i, piece := range hostile {
		n := 50
		if i%10 == 0 {
			n = 2000
		}
		args := slices.Repeat([]string{strings.Repeat(piece, max(1, 4096/len(piece)))}, n)
		got, _ := Args("mysql", args)
		if _, n := Args("mysql", got); n != 0 {
			t.Errorf("%q repeated: redacted again, %d", piece, n)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
		f.Add(s + s + "x " + s)
	}
	for _, s := range []string{akia + " " + awsKey, jwtText, pem, ya29, slack, `{"password":"p"}`, "curl -u a:b h", "https://u:pa/s@h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, n := Text(s)
		if (n == 0) != (got == s) {
			t.Fatalf("counted %d in %q", n, got)
		}
		if len(got) > (1+len(s))*len(Mark) {
			t.Fatalf("%d bytes grew to %d", len(s), len(got))
		}
		if again, n := Text(got); n != 0 || again != got {
			t.Fatalf("%q\nbecame %q\nand then %q", s, got, again)
		}
		args := strings.Split(s, "\x00")
		out, n := Args("mysql", args)
		if len(out) != len(args) || (n == 0) != slices.Equal(out, args) {
			t.Fatalf("counted %d in %q", n, out)
		}
		if again, n := Args("mysql", out); n != 0 {
			t.Fatalf("%q\nbecame %q\nand then %q", args, out, again)
		}
		env, _ := Env(args)
		if again, n := Env(env); n != 0 {
			t.Fatalf("environment %q\nbecame %q\nand then %q", args, env, again)
		}
	})
}

func BenchmarkProcessWithoutSecrets(b *testing.B) {
	ev := mysqlEvent()
	p := ev.Process
	p.Args, p.ArgsText, p.CmdLine = []string{"--host", "db.example.org", "--port=3306"}, "--host db.example.org --port=3306", "mysql --host db.example.org --port=3306"
	p.Env = nil
	r := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		r.Process(p)
	}
}

func BenchmarkOwn(b *testing.B) {
	ev := &event.Event{Kind: event.Openat}
	ev.FD = event.FD{Valid: true, Path: event.Path{Raw: "../lib/libc.so.6", Name: "/usr/lib/libc.so.6"}, Real: "/usr/lib/x86_64-linux-gnu/libc.so.6"}
	r := New(Config{})
	b.ReportAllocs()
	for b.Loop() {
		r.Own(ev)
	}
}
