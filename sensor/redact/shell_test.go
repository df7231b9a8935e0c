package redact

import "testing"

// What a shell joins into one word is one secret.
func TestShellWords(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`PASSWORD="sec"ret cmd`, `PASSWORD=[redacted] cmd`},
		{`PASSWORD=sec"r et"x cmd`, `PASSWORD=[redacted] cmd`},
		{`PASS='a'\''b' cmd`, `PASS=[redacted] cmd`},
		{`PASS=$'a b' cmd`, `PASS=[redacted] cmd`},
		{`PASS="a" cmd "b"`, `PASS="[redacted]" cmd "b"`},
		{`echo "password=a" "b"`, `echo "password=[redacted]" "b"`},
		{`echo '{"password": "a", "b": "c"}'`, `echo '{"password": "[redacted]", "b": "c"}'`},
		{`echo "root:hunter2" | chpasswd`, `echo "root:[redacted]" | chpasswd`},
		{`/usr/sbin/chpasswd <<< me:hunter2`, `/usr/sbin/chpasswd <<< me:[redacted]`},
		{`curl http://h/f | chpasswd`, `curl http://h/f | chpasswd`},
		{`echo root:x | cat`, `echo root:x | cat`},
	} {
		got, _ := Text(tt.in)
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
		if again, n := Text(got); n != 0 {
			t.Errorf("%s: again: %s", tt.in, again)
		}
	}
}

// curl takes a header in the same argument as the flag for it.
func TestAttachedHeader(t *testing.T) {
	for in, want := range map[string]string{
		"-HAuthorization: Basic dTpw": "-HAuthorization: Basic [redacted]",
		"-HCookie: a=b":               "-HCookie: [redacted]",
		"-HAccept: text/html":         "-HAccept: text/html",
	} {
		if got, _ := Args("curl", []string{in}); got[0] != want {
			t.Errorf("got %q, want %q", got[0], want)
		}
	}
}
