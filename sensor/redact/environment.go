package redact

import "strings"

// telling are variables that hold no secret, and by which programs are misled or leave no trace: rules ask for them.
var telling = map[string]bool{
	"APT_CONFIG": true, "GCONV_PATH": true, "GLIBC_TUNABLES": true, "HISTFILE": true, "HISTFILESIZE": true, "HISTSIZE": true,
	"LD_AUDIT": true, "LD_LIBRARY_PATH": true, "LD_PRELOAD": true, "MODPROBE_OPTIONS": true,
	"PERL5LIB": true, "PERL5OPT": true, "PERLLIB": true, "PYTHONHOME": true, "PYTHONPATH": true,
}

// environment is what of env is kept; nil if nothing is.
func (r *Redactor) environment(env []string) []string {
	if r.config.Environment {
		return env
	}
	var kept []string
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); telling[name] {
			kept = append(kept, e)
		}
	}
	return kept
}
