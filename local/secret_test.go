package local

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"tiercel.dev/local/oidc"
)

// Tokens are given to who has the secret, which the user who runs the cloud alone can read, also where an older file was open.
func TestSecret(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	accounts, err := oidc.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	const address = "127.0.0.1:4711"
	path, err := SecretPath(address)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds what the first left
		if _, err = WriteSecret(address, "old"); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	forget, err := WriteSecret(address, accounts.Secret())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for authorization, want := range map[string]int{
		"": 403, "Bearer ": 403, "Bearer old": 403, string(secret): 403, "Bearer " + string(secret): 200,
	} {
		r := httptest.NewRequest("GET", TokenPath+"?account=eve@example.com&audience=x", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		accounts.Issue().ServeHTTP(w, r)
		if w.Code != want || want == 403 && strings.Count(w.Body.String(), ".") > 1 {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
	}
	if err := forget(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the secret outlives the cloud: %v", err)
	}
}
