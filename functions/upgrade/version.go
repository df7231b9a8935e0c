package upgrade

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
)

// A version is GKE's: 1.33.4-gke.1172000. It is compared by its numbers: as text 1.9 would be newer than 1.10.
type version struct {
	major, minor, patch, build int
	text                       string // as the API has it, with what stands behind the numbers
}

// Ten digits do not fit everywhere, and no version has them.
var (
	versionForm = regexp.MustCompile(`^(\d{1,9})\.(\d{1,9})\.(\d{1,9})-gke\.(\d{1,9})`)
	minorForm   = regexp.MustCompile(`^(\d{1,9})\.(\d{1,9})$`)
)

// parse reads a version; suffixes are kept and mean nothing.
func parse(text string) (version, bool) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, false
	}
	return version{number(m[1]), number(m[2]), number(m[3]), number(m[4]), text}, true
}

// number is of a text of at most nine digits.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// parseMinor reads 1.33.
func parseMinor(text string) (version, bool) {
	m := minorForm.FindStringSubmatch(text)
	if m == nil {
		return version{}, false
	}
	return newestOf(number(m[1]), number(m[2])), true
}

// newestOf is the alias 1.33, by which GKE takes the newest of that minor: it is newer than all that are known.
func newestOf(major, minor int) version {
	return version{major, minor, math.MaxInt, math.MaxInt, strconv.Itoa(major) + "." + strconv.Itoa(minor)}
}

func (v version) known() bool { return v.text != "" }

// exact reports whether it is one version, and not an alias.
func (v version) exact() bool { return v.known() && v.patch != math.MaxInt }

func (v version) compare(o version) int {
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.patch, o.patch), cmp.Compare(v.build, o.build))
}

func (v version) newerThan(o version) bool { return v.compare(o) > 0 }

func (v version) sameMinor(o version) bool { return v.major == o.major && v.minor == o.minor }

// behind is how many minors v is behind o; negative if it is newer. Majors have to be the same.
func (v version) behind(o version) int { return o.minor - v.minor }

func newer(a, b version) version {
	if b.newerThan(a) {
		return b
	}
	return a
}

func older(a, b version) version {
	if a.newerThan(b) {
		return b
	}
	return a
}
