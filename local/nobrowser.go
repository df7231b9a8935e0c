package local

import (
	"net"
	"net/http"
	"net/netip"
)

// noBrowser keeps web sites from the embedded cloud: whoever runs it may look at one meanwhile, whose scripts reach this machine's
// ports. A browser says who asks (Origin, Sec-Fetch-Site), which no client of ours does; and a site whose name has been made to
// resolve to this machine is known by that name.
func noBrowser(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || !isHere(r.Host) {
			http.Error(w, "not for browsers", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isHere(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if name == functionsHost || name == "localhost" {
		return true
	}
	at, err := netip.ParseAddr(name)
	return err == nil && at.IsLoopback()
}
