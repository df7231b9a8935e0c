package posture

import "strings"

// Quote is a word for a POSIX shell, other than a command's name: what names of clusters and of what is in them look like stays as it is, all else stands in
// quotes. Control characters are taken out: none is in a name, and a terminal acts on some.
func Quote(word string) string {
	word = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, word)
	plain := strings.IndexFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,+", r))
	}) < 0
	if plain && word != "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
