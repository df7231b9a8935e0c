package posture

import (
	"strings"
	"unicode"

	"tiercel.dev/alert"
)

// Cell is text as a cell of a CSV file holds it: escaped as for a terminal, and with the quote that spreadsheets take for the mark of
// a text before what they would take for a formula. What a sheet trims before it looks is looked through too.
// https://owasp.org/www-community/attacks/CSV_Injection
func Cell(s string) string {
	s = alert.Escape(s)
	seen := strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("\ufeff\"'", r) })
	if seen != "" && strings.ContainsRune("=+-@|%\uff1d\uff0b\uff0d\uff20", []rune(seen)[0]) {
		return "'" + s
	}
	return s
}
