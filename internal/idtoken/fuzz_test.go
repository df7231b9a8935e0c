package idtoken

import "testing"

// Whatever is served as keys, what is taken for one can check signatures.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","kid":"a"},null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parse(data)
		if err == nil && len(keys) == 0 {
			t.Error("no key and no error")
		}
		for id, k := range keys {
			if id == "" || k.N.BitLen() < 2048 || k.E < 3 {
				t.Errorf("%q: %v", id, k)
			}
		}
	})
}
