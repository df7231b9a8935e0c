package local

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A web site that the user looks at neither reads nor changes what is kept here, nor has it a token made out.
func TestNoWebSiteReachesTheCloud(t *testing.T) {
	served := noBrowser(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for _, tt := range []struct {
		name, host string
		header     map[string]string
		want       int
	}{
		{"a client of ours", "127.0.0.1:8085", nil, 204},
		{"Pub/Sub's push", functionsHost, nil, 204},
		{"by name", "localhost:8085", nil, 204},
		{"a form of another site", "127.0.0.1:8085", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a form of a site without a name", "127.0.0.1:8085", map[string]string{"Origin": "null"}, 403},
		{"a picture of another site", "127.0.0.1:8085", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"a name that was made to lead here", "evil.example:8085", nil, 403},
		{"another machine's address", "192.0.2.1:8085", nil, 403},
	} {
		r := httptest.NewRequest(http.MethodPost, "/upload/storage/v1/b/records/o", http.NoBody)
		r.Host = tt.host
		for key, value := range tt.header {
			r.Header.Set(key, value)
		}
		w := httptest.NewRecorder()
		served.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, w.Code, tt.want)
		}
	}
}

func TestTheCloudIsBehindIt(t *testing.T) {
	r := start(t)
	for _, path := range []string{KeysPath, "/storage/v1/b/" + bucket + "/o"} {
		for origin, want := range map[string]int{"": http.StatusOK, "https://evil.example": http.StatusForbidden} {
			call, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.cloud.calls+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if origin != "" {
				call.Header.Set("Origin", origin)
			}
			answer, err := http.DefaultClient.Do(call)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s from %q: %d, want %d", path, origin, answer.StatusCode, want)
			}
		}
	}
}
