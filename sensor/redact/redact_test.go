package redact

import (
	base64enc "encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Secrets are put together here, so that no scanner of repositories takes this file for a leak.
var (
	akia    = "AKIA" + "IOSFODNN7EXAMPLE"
	awsKey  = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
	aiza    = "AIza" + "SyA1234567890abcdefghijklmnopqrstuv"
	ya29    = "ya29." + "a0AfH6SMBx-1234567890_abcdefg"
	ghp     = "ghp_" + strings.Repeat("aB3", 12)
	ghpat   = "github_pat_" + "11ABCDEFG0" + strings.Repeat("x", 30)
	slack   = "xoxb-" + "123456789012-abcdefABCDEF"
	jwtText = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + ".SflKxwRJSMeKKF2QT4fwpM"
	pem     = "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEA0123456789+/\n", 3) + "-----END RSA PRIVATE KEY-----"
)

// What is given to programs in base64: two keys, and a certificate, which is no secret.
var (
	base64PEM     = encoded(pem)
	base64Account = encoded("{\n  \"type\": \"service_account\",\n  \"project_id\": \"my-project\", \"private_key_id\": \"0123456789\"")
	base64Cert    = encoded(strings.ReplaceAll(pem, "RSA PRIVATE KEY", "CERTIFICATE"))
)

func encoded(s string) string { return base64enc.StdEncoding.EncodeToString([]byte(s)) }

func TestText(t *testing.T) {
	tests := []struct{ name, in, want string }{
		// by name
		{"variable", "PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[redacted] psql -h db"},
		{"short names", "db_pass=x API_KEY=y clientSecret=z", "db_pass=[redacted] API_KEY=[redacted] clientSecret=[redacted]"},
		{"numbered", "PASSWORD2=x token_1=y DB_PASS_1=z", "PASSWORD2=[redacted] token_1=[redacted] DB_PASS_1=[redacted]"},
		{"of frameworks", "SECRET_KEY_BASE=x bindpw=y wifi-psk=z", "SECRET_KEY_BASE=[redacted] bindpw=[redacted] wifi-psk=[redacted]"},
		{"quoted", `password="a b c" user=x`, `password="[redacted]" user=x`},
		{"single quotes", `password='a "b" c' user=x`, `password='[redacted]' user=x`},
		{"quote cut off", `password="a b c`, `password="[redacted]`},
		{"escaped quote inside", `password="a\"b" user=x`, `password="[redacted]" user=x`},
		{"list", "addr=h,password=y,domain=d", "addr=h,password=[redacted],domain=d"},
		{"comma in it", "password=a,b", "password=[redacted]"},
		{"query", "curl http://h/p?user=me&api_key=abc&x=1", "curl http://h/p?user=me&api_key=[redacted]&x=1"},
		{"connection string", "Server=h;Uid=sa;Pwd=p;w;Database=d", "Server=h;Uid=sa;Pwd=[redacted];Database=d"},
		{"Azure", "AccountName=n;AccountKey=a+b/c==;EndpointSuffix=s", "AccountName=n;AccountKey=[redacted];EndpointSuffix=s"},
		{"signed URL", "https://h/o?X-Goog-Expires=3&X-Goog-Signature=0a1b", "https://h/o?X-Goog-Expires=3&X-Goog-Signature=[redacted]"},
		{"JSON", `{"user":"u","password":"p","n":1}`, `{"user":"u","password":"[redacted]","n":1}`},
		{"JSON in JSON", `{\"password\":\"p\",\"n\":1}`, `{\"password\":\"[redacted]\",\"n\":1}`},
		{"JSON with blanks", `{ "token" : "p" }`, `{ "token" : "[redacted]" }`},
		{"YAML", "user: u\npassword: p\nport: 1", "user: u\npassword: [redacted]\nport: 1"},
		{"INI", "password = p\nport = 1", "password = [redacted]\nport = 1"},
		{"hash rocket", `:password => "p"`, `:password => "[redacted]"`},
		{"index", `config["password"]="p"`, `config["password"]="[redacted]"`},
		{"Docker config", `{"auths":{"r.io":{"auth":"dXNlcjpwYXNzd29yZA=="}}}`, `{"auths":{"r.io":{"auth":"[redacted]"}}}`},

		// headers
		{"bearer", "curl -H 'Authorization: Bearer abc' h", "curl -H 'Authorization: Bearer [redacted]' h"},
		{"basic", `-H "authorization: basic dTpw"`, `-H "authorization: basic [redacted]"`},
		{"another scheme", "Authorization: token abc", "Authorization: token [redacted]"},
		{"no scheme", "Authorization: abc123", "Authorization: [redacted]"},
		{"proxy", "Proxy-Authorization:Basic dTpw", "Proxy-Authorization:Basic [redacted]"},
		{"bare bearer", "header Bearer abcdefghijklmnop1", "header Bearer [redacted]"},
		{"own header", "X-Api-Key:abc", "X-Api-Key:[redacted]"},
		{"GitLab", "PRIVATE-TOKEN: abc", "PRIVATE-TOKEN: [redacted]"},
		{"cookie", "curl -H 'Cookie: a=b; c=d' h", "curl -H 'Cookie: [redacted]' h"},
		{"git", "git -c http.extraheader='AUTHORIZATION: bearer abc' fetch", "git -c http.extraheader='AUTHORIZATION: bearer [redacted]' fetch"},

		// URLs
		{"URL", "https://user:secret@host/p", "https://user:[redacted]@host/p"},
		{"URL without user", "redis://:secret@host:6379/0", "redis://:[redacted]@host:6379/0"},
		{"URL with @ in it", "amqp://u:p@ss@host", "amqp://u:[redacted]@host"},
		{"URL with / in it", "postgres://u:pa/ss@host/db", "postgres://u:[redacted]@host/db"},
		{"token for user", "git clone https://0123456789abcdefghijkl@host/p", "git clone https://[redacted]@host/p"},
		{"several hosts", "mongodb://u:pw@h1:1,h2:2/db", "mongodb://u:[redacted]@h1:1,h2:2/db"},

		// by form
		{"AWS id", "use " + akia + " now", "use [redacted] now"},
		{"AWS pair", akia + " " + awsKey, "[redacted] [redacted]"},
		{"Google API key", "https://h?key=" + aiza, "https://h?key=[redacted]"},
		{"Google access token", "x" + " " + ya29, "x [redacted]"},
		{"GitHub", "https://" + ghp + "@github.com/o/r", "https://[redacted]@github.com/o/r"},
		{"GitHub, fine-grained", ghpat, "[redacted]"},
		{"Slack", "t:" + slack, "t:[redacted]"},
		{"JWT", "jwt " + jwtText + ".", "jwt [redacted]."},
		{"JWT cut", jwtText[:40], "[redacted]"},
		{"PEM", "key: '" + pem + "'", "key: '-----BEGIN RSA PRIVATE KEY-----[redacted]-----END RSA PRIVATE KEY-----'"},
		{"PEM cut", pem[:80], "-----BEGIN RSA PRIVATE KEY-----[redacted]"},
		{"service account", `{"private_key_id":"ab","private_key":"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n","client_email":"e"}`,
			`{"private_key_id":"ab","private_key":"[redacted]","client_email":"e"}`},
		{"escaped PEM alone", `x -----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----\n`,
			`x -----BEGIN PRIVATE KEY-----[redacted]-----END PRIVATE KEY-----\n`},
		{"PEM in base64", "client-key-data: " + base64PEM + ", x", "client-key-data: [redacted], x"},
		{"service account in base64", "echo " + base64Account + "|base64 -d", "echo [redacted]|base64 -d"},
		{"encrypted PEM", "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00FF\n\nMHcCAQEEIIrYSSNQFaA2Hwf1\n-----END",
			"-----BEGIN EC PRIVATE KEY-----[redacted]-----END"},

		// scripts
		{"flag", "mysqladmin --password hunter2 ping", "mysqladmin --password [redacted] ping"},
		{"letter", "cd /x && mysql -uroot -phunter2 db", "cd /x && mysql -uroot -p[redacted] db"},
		{"quoted letter", "mysql -p'a b' db", "mysql -p[redacted] db"},
		{"curl", "curl -sS -u me:pw http://h", "curl -sS -u me:[redacted] http://h"},
		{"pipe", "echo x|sshpass -p pw ssh h", "echo x|sshpass -p [redacted] ssh h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, n := Text(tt.in)
			if got != tt.want {
				t.Fatalf("\ngot  %q\nwant %q", got, tt.want)
			}
			if want := strings.Count(tt.want, Mark); n != want {
				t.Errorf("counted %d, want %d", n, want)
			}
			if again, n := Text(got); again != got || n != 0 {
				t.Errorf("again: %d in %q", n, again)
			}
		})
	}
}

// What looks like a secret and is none, or is one nobody can know: each of these once hid something an analyst needs.
func TestTextLeaves(t *testing.T) {
	for _, s := range []string{
		"", "x", "key=1", "monkey=1", "keyboard=us", "public_key=abc", "key=value",
		"PWD=/root", "OLDPWD=/tmp", "bypass=1", "compass=north", "encompass=1",
		"--password-file /run/pw", "--password-file=/run/pw", "password_file=/run/pw", "--token-ttl 5m", "token_type=jwt",
		"max_tokens=100", "tokenizer=fast", "secretName: app-tls", "--no-password db", "--password-stdin x", "use_token=true",
		"--auth=basic", "auth=none", "sig=9", "passwd root", "cat /etc/passwd", "cat password.txt", "vi token",
		"mkdir -p /a/b", "ssh -p 22 h", "docker run -p 80:80 nginx", "sort -u file", "ps -u root", "grep -P x f", "unzip x.zip",
		"[ $password == x ]", "password=$PASS cmd", "login --token ${TOKEN} x", "-v /run/token:/token:ro", "chown token:token f",
		"http://host:8080/x@y", "http://host/user:x@y", "https://user@host/", "https://a-service-account-name@host/", "https://first.last2000000000000@host", "scp u@h:/x y", "git@github.com:o/r.git",
		"Bearer of bad news", "basic training", "the bearer token", "authorization", "Authorization:",
		"AKIA", "AKIASHORT", "XAKIA" + "IOSFODNN7EXAMPLE", "AIza", "ghp_short", "eyJhbGciOi", "eyJhbGciOiJIUzI1NiJ9.x", "xoxb-1",
		"d41d8cd98f00b204e9800998ecf8427e", "sha256:" + strings.Repeat("ab", 32),
		`grep -r "-----BEGIN RSA PRIVATE KEY-----" /home/someone/projects/thing`,
		"grep -e '-----BEGIN PRIVATE KEY-----' -e '-----END PRIVATE KEY-----' f",
		"grep -r -----BEGIN RSA PRIVATE KEY----- /home/someone/projects/thing",
		"-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA0123456789\n-----END CERTIFICATE-----",
		"-----BEGIN PUBLIC KEY-----\nMIIEowIBAAKCAQEA0123456789\n-----END PUBLIC KEY-----",
		"certificate-authority-data: " + base64Cert,
		Mark, "password=" + Mark, Mark + Mark,
	} {
		if got, n := Text(s); got != s || n != 0 {
			t.Errorf("%q became %q, %d", s, got, n)
		}
	}
}

func TestTokensLeavesNames(t *testing.T) {
	if got, n := Tokens("/srv/token=abc/password: x"); n != 0 {
		t.Errorf("became %q", got)
	}
	if got, _ := Tokens("/tmp/" + akia + "/f"); got != "/tmp/[redacted]/f" {
		t.Errorf("became %q", got)
	}
}

func TestEnv(t *testing.T) {
	env := []string{"PATH=/bin", "PGPASSWORD=a b;c", "PWD=/root", "DSN=postgres://u:p@h/d", "MYSQL_PWD=x", "EMPTY_TOKEN=", "NOVALUE", "GH=" + ghp}
	want := []string{"PATH=/bin", "PGPASSWORD=[redacted]", "PWD=/root", "DSN=postgres://u:[redacted]@h/d", "MYSQL_PWD=[redacted]",
		"EMPTY_TOKEN=", "NOVALUE", "GH=[redacted]"}
	before := append([]string(nil), env...)
	got, n := Env(env)
	if d := cmp.Diff(want, got); d != "" || n != 4 {
		t.Errorf("%d found: %s", n, d)
	}
	if d := cmp.Diff(before, env); d != "" {
		t.Errorf("the argument was changed: %s", d)
	}
	if again, n := Env(got); n != 0 || &again[0] != &got[0] {
		t.Errorf("again: %d found", n)
	}
}
