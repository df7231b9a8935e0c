package falcoconfig

import (
	"net"
	"strconv"
)

// webserver is where the sensor serves probes and metrics. Falco's defaults are any address, port 8765, /healthz, no metrics.
func (r *reader) webserver(v value) {
	enabled, tls, metrics := false, false, true
	host, port, health := "0.0.0.0", 8765, healthPath
	r.each(v, func(f value) string {
		switch f.name() {
		case "enabled":
			r.bool(f, &enabled)
		case "listen_address":
			r.str(f, &host)
		case "listen_port":
			if r.integer(f, &port); port > 65535 {
				r.fail(f, "is a port from 0 to 65535, not %d", port)
			}
		case "k8s_healthz_endpoint":
			if r.str(f, &health); health != healthPath {
				return "is not honoured: the path is " + healthPath
			}
		case "prometheus_metrics_enabled":
			r.bool(f, &metrics)
		case "ssl_enabled":
			r.bool(f, &tls)
		case "ssl_certificate", "threadiness":
			// Of a server with TLS, which is warned of, and how many threads it has.
		default:
			return noCounterpart
		}
		return ""
	})
	switch {
	case !enabled:
	case tls: // whoever asks by https would find http
		r.warn(v, "is not honoured with ssl_enabled: probes and metrics are served without TLS, by --metrics")
	default:
		if !metrics {
			r.warn(v, "with prometheus_metrics_enabled false serves /metrics all the same")
		}
		r.cfg.Metrics = net.JoinHostPort(host, strconv.Itoa(port))
	}
}

// healthPath is where the sensor says that its work goes on, as Falco does.
const healthPath = "/healthz"
