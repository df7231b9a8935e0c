package scc

import (
	"encoding/json"
	"strings"

	"tiercel.dev/alert"
)

// shown is text that a page, a mail or a terminal may show as it is, of at most n bytes: what an alert says, programs on the
// node chose, and a control character or one that turns the direction of writing could make it look like something else.
func shown(s string, n int) string { return clip(alert.Escape(clip(s, n)), n) }

// lines is text of several lines.
func lines(s string, n int) string {
	all := strings.Split(clip(s, n), "\n")
	for i, line := range all {
		all[i] = alert.Escape(line)
	}
	return clip(strings.Join(all, "\n"), n)
}

// clip cuts text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// quoted is text as the API wants arguments, variables and paths: as a JSON encoded string, of at most maxValue bytes with
// what escapes add.
func quoted(s string) string {
	for n := maxValue; ; n /= 2 {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false) // it is for people to read, not for a script element
		e.Encode(clip(s, n))   // there is no string that cannot be encoded
		out := alert.EscapeJSON([]byte(strings.TrimSuffix(b.String(), "\n")))
		if len(out) <= maxValue+len(`""`) {
			return string(out)
		}
	}
}
