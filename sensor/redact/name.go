package redact

import (
	"slices"
	"strings"
)

// secretEndings are the endings of names of secrets, in lower case and without separators: DB_PASSWORD, clientSecret,
// x-api-key. Ending, since what a name is about stands last: password_file and token_ttl are none.
var secretEndings = []string{
	"password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "credentials",
	"apikey", "accesskey", "secretkey", "privatekey", "authkey", "encryptionkey", "signingkey", "sharedkey",
	"accountkey", "storagekey", "masterkey", "signature",
	"storepass", "keypass", "bindpw", "rootpw", "secretkeybase", "presharedkey",
}

// secretWords are names, or last words of names, that as a mere ending would take in too much (bypass, oldpwd).
var secretWords = []string{"pass", "pwd", "pw", "passwort", "psk", "bearer"}

// secretNames are whole names, without separators.
var secretNames = []string{"sshpass", "requirepass", "masterauth", "rediscliauth", "dbpass", "userpass", "rootpass", "mysqlpwd"}

// maxName is how much of a name is looked at: its end.
const maxName = 96

// isSecretName reports whether a setting, flag, header or variable of this name holds a secret.
func isSecretName(name string) bool {
	// The second password is one too: PASSWORD2, token_1.
	name = strings.TrimRight(name, "0123456789_-.")
	var buf [maxName]byte
	flat, last := normalise(name, buf[:0])
	if len(flat) == 0 {
		return false
	}
	for _, e := range secretEndings {
		if strings.HasSuffix(string(flat), e) {
			return true
		}
	}
	return slices.Contains(secretWords, string(flat[last:])) || slices.Contains(secretNames, string(flat))
}

// normalise appends name to b in lower case without separators, and returns where its last word begins. Words end at
// _ - . and where an upper case letter follows a lower case one.
func normalise(name string, b []byte) (flat []byte, last int) {
	if len(name) > maxName {
		name = name[len(name)-maxName:]
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == '.':
			last = len(b)
			continue
		case 'A' <= c && c <= 'Z':
			if i > 0 && 'a' <= name[i-1] && name[i-1] <= 'z' {
				last = len(b)
			}
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b, last
}

// isHeader reports whether name is that of the HTTP header, in any case.
func isHeader(name string, headers ...string) bool {
	for _, h := range headers {
		if strings.EqualFold(name, h) {
			return true
		}
	}
	return false
}

// isPlain reports whether a value is none that anybody keeps secret.
func isPlain(value string) bool {
	if len(value) > len("bearer") {
		return false
	}
	switch strings.ToLower(value) {
	case "", "true", "false", "yes", "no", "none", "null", "nil", "bearer", "basic":
		return true
	}
	return false
}
