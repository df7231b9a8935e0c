package redact

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestArgs(t *testing.T) {
	tests := []struct {
		name string
		argv []string // argv[0] first
		want []string // argv[1:]
		n    int
	}{
		{"flag and value", []string{"x", "--password", "pw", "y"}, []string{"--password", "[redacted]", "y"}, 1},
		{"one dash", []string{"x", "-token", "pw"}, []string{"-token", "[redacted]"}, 1},
		{"flag=value with blanks", []string{"x", "--password=a b", "y"}, []string{"--password=[redacted]", "y"}, 1},
		{"flag without value", []string{"x", "--password", "--host", "h"}, []string{"--password", "--host", "h"}, 0},
		{"flag at the end", []string{"x", "--password"}, []string{"--password"}, 0},
		{"flag that is false", []string{"x", "--use-token=false", "--token=true"}, []string{"--use-token=false", "--token=true"}, 0},
		{"a dash is a value", []string{"x", "--password", "-"}, []string{"--password", "[redacted]"}, 1},
		{"file flag", []string{"x", "--password-file", "/x"}, []string{"--password-file", "/x"}, 0},
		{"key=value", []string{"x", "password=a|b,c;d"}, []string{"password=[redacted]"}, 1},
		{"mysql", []string{"/usr/bin/mysql", "-uroot", "-ppw", "db"}, []string{"-uroot", "-p[redacted]", "db"}, 1},
		{"mysql asks", []string{"mysql", "-p", "db"}, []string{"-p", "db"}, 0},
		{"mkdir", []string{"mkdir", "-p", "a"}, []string{"-p", "a"}, 0},
		{"mkdir attached", []string{"install", "-pm755", "a"}, []string{"-pm755", "a"}, 0},
		{"sudo mysql", []string{"sudo", "mysql", "-ppw"}, []string{"mysql", "-p[redacted]"}, 1},
		{"docker exec mysql", []string{"docker", "exec", "c", "mysql", "-ppw"}, []string{"exec", "c", "mysql", "-p[redacted]"}, 1},
		{"docker login", []string{"docker", "login", "-u", "me", "-p", "pw"}, []string{"login", "-u", "me", "-p", "[redacted]"}, 1},
		{"docker run", []string{"docker", "run", "-p", "80:80"}, []string{"run", "-p", "80:80"}, 0},
		{"sshpass", []string{"sshpass", "-p", "pw", "ssh", "-p", "22", "h"}, []string{"-p", "[redacted]", "ssh", "-p", "22", "h"}, 1},
		{"curl", []string{"curl", "-u", "me:pw", "h"}, []string{"-u", "me:[redacted]", "h"}, 1},
		{"curl attached", []string{"curl", "-ume:pw", "h"}, []string{"-ume:[redacted]", "h"}, 1},
		{"curl letters", []string{"curl", "-sSu", "me:pw", "h"}, []string{"-sSu", "me:[redacted]", "h"}, 1},
		{"curl long", []string{"curl", "--user", "me:pw", "--proxy-user=a:b"}, []string{"--user", "me:[redacted]", "--proxy-user=a:[redacted]"}, 2},
		{"curl user only", []string{"curl", "-u", "me", "h"}, []string{"-u", "me", "h"}, 0},
		{"curl header", []string{"curl", "-H", "Authorization: Bearer abc"}, []string{"-H", "Authorization: Bearer [redacted]"}, 1},
		{"sort -u", []string{"sort", "-u", "a:b"}, []string{"-u", "a:b"}, 0},
		{"bearer apart", []string{"x", "Bearer", "abcdefghijklmnopq"}, []string{"Bearer", "[redacted]"}, 1},
		{"AWS pair", []string{"x", akia, awsKey}, []string{"[redacted]", "[redacted]"}, 2},
		{"aws configure", []string{"aws", "configure", "set", "aws_secret_access_key", "abc"}, []string{"configure", "set", "aws_secret_access_key", "[redacted]"}, 1},
		{"redis config", []string{"redis-cli", "CONFIG", "SET", "requirepass", "abc"}, []string{"CONFIG", "SET", "requirepass", "[redacted]"}, 1},
		{"redis command", []string{"redis-cli", "-h", "h", "AUTH", "me", "pw"}, []string{"-h", "h", "AUTH", "[redacted]", "[redacted]"}, 2},
		{"auth of another", []string{"gcloud", "auth", "list"}, []string{"auth", "list"}, 0},
		{"keytool", []string{"keytool", "-storepass", "pw", "-srckeypass", "pw"}, []string{"-storepass", "[redacted]", "-srckeypass", "[redacted]"}, 2},
		{"curl proxy", []string{"curl", "-x", "me:pw@h:3128", "--proxy=me:p:w@h", "-xme:pw@h", "-sSx", "me:pw@h"},
			[]string{"-x", "me:[redacted]@h:3128", "--proxy=me:[redacted]@h", "-xme:[redacted]@h", "-sSx", "me:[redacted]@h"}, 4},
		{"curl proxy without user", []string{"curl", "-x", "h:3128", "-xh:3128"}, []string{"-x", "h:3128", "-xh:3128"}, 0},
		{"curl cookies", []string{"curl", "-b", "a=b; c=d", "--cookie", "a=b", "-ba=b"}, []string{"-b", "[redacted]", "--cookie", "[redacted]", "-b[redacted]"}, 3},
		{"curl cookie file", []string{"curl", "-b", "cookies.txt", "h"}, []string{"-b", "cookies.txt", "h"}, 0},
		{"etcdctl", []string{"etcdctl", "--user", "root:pw"}, []string{"--user", "root:[redacted]"}, 1},
		{"ssh-keygen", []string{"ssh-keygen", "-t", "rsa", "-N", "pw", "-f", "k"}, []string{"-t", "rsa", "-N", "[redacted]", "-f", "k"}, 1},
		{"ssh-keygen without passphrase", []string{"ssh-keygen", "-N", "", "-f", "k"}, []string{"-N", "", "-f", "k"}, 0},
		{"lftp", []string{"lftp", "-u", "me,pw", "h"}, []string{"-u", "me,[redacted]", "h"}, 1},
		{"httpie", []string{"http", "-a", "me:pw", "--auth=me:pw", "h"}, []string{"-a", "me:[redacted]", "--auth=me:[redacted]", "h"}, 2},
		{"redis", []string{"redis-cli", "-a", "pw", "ping"}, []string{"-a", "[redacted]", "ping"}, 1},
		{"set something else", []string{"git", "config", "set", "user.name", "x"}, []string{"config", "set", "user.name", "x"}, 0},
		{"kubectl", []string{"kubectl", "create", "secret", "generic", "s", "--from-literal=k=v=w", "--from-literal", "a=b"},
			[]string{"create", "secret", "generic", "s", "--from-literal=k=[redacted]", "--from-literal", "a=[redacted]"}, 2},
		{"openssl", []string{"openssl", "rsa", "-passin", "pass:pw", "-in", "k"}, []string{"rsa", "-passin", "pass:[redacted]", "-in", "k"}, 1},
		{"smbclient", []string{"smbclient", "-U", "me%pw", "//h/s"}, []string{"-U", "me%[redacted]", "//h/s"}, 1},
		{"plink", []string{"plink", "-pw", "x", "h"}, []string{"-pw", "[redacted]", "h"}, 1},
		{"script", []string{"sh", "-c", "mysql -ppw; curl -u a:b h"}, []string{"-c", "mysql -p[redacted]; curl -u a:[redacted] h"}, 2},
		{"PEM in one", []string{"x", "--key", pem, "y"},
			[]string{"--key", "-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----", "y"}, 1},
		{"PEM over arguments", append([]string{"echo"}, strings.Fields(pem+" tail")...),
			[]string{"-----BEGIN", "RSA", "PRIVATE", "KEY-----", Mark, Mark, Mark, "-----END", "RSA", "PRIVATE", "KEY-----", "tail"}, 1},
		{"who looks for PEM", []string{"grep", "-r", "-----BEGIN RSA PRIVATE KEY-----", "/home/someone/projects"},
			[]string{"-r", "-----BEGIN RSA PRIVATE KEY-----", "/home/someone/projects"}, 0},
		{"PEM over arguments, cut", append([]string{"echo"}, strings.Fields(pem[:100])...),
			[]string{"-----BEGIN", "RSA", "PRIVATE", "KEY-----", Mark, Mark, Mark}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := slices.Clone(tt.argv[1:])
			got, n := Args(tt.argv[0], in)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if n != tt.n {
				t.Errorf("counted %d, want %d", n, tt.n)
			}
			if d := cmp.Diff(tt.argv[1:], in); d != "" {
				t.Errorf("the argument was changed: %s", d)
			}
			if again, n := Args(tt.argv[0], got); n != 0 || cmp.Diff(got, again) != "" {
				t.Errorf("again: %d in %q", n, again)
			}
		})
	}
}
