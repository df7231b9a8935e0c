package redact

import (
	"slices"
	"strings"
	"testing"
)

// A password that ends as the names of secrets do stands attached to its flag.
func TestAttachedValueIsNoName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"mysql -pmysecret db", "mysql -p[redacted] db"},
		{"mysql -pw db", "mysql -p[redacted] db"},
		{"mysqldump -uroot -pRootPassword db", "mysqldump -uroot -p[redacted] db"},
		{"curl -ume:mytoken http://h", "curl -ume:[redacted] http://h"},
		{"sshpass -pthepassword ssh h", "sshpass -p[redacted] ssh h"},
		{"x -token abc y", "x -token [redacted] y"},
	} {
		if got, _ := Text(tt.in); got != tt.want {
			t.Errorf("as a text: got %q, want %q", got, tt.want)
		}
		argv := strings.Fields(tt.in)
		if got, _ := Args(argv[0], argv[1:]); !slices.Equal(got, strings.Fields(tt.want)[1:]) {
			t.Errorf("as arguments: got %q, want %q", got, tt.want)
		}
	}
}

// A shell replaces $NAME before a program is started: what stands in the program's own arguments is a value.
func TestArgumentsHoldNoReferences(t *testing.T) {
	got, _ := Args("mysql", []string{"-p$Ecret", "--password=$Ecret", "--password", "$Ecret"})
	if want := []string{"-p[redacted]", "--password=[redacted]", "--password", "[redacted]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, n := Args("sh", []string{"-c", "mysql -p$PASS --password=$PASS --password $PASS"}); n != 0 {
		t.Errorf("in a script: got %q", got)
	}
}
