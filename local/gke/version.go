package gke

import (
	"cmp"
	"fmt"
)

// A version is MAJOR.MINOR.PATCH-gke.BUILD.
type version struct{ major, minor, patch, build int }

// parseVersion reads one; false if it is none.
func parseVersion(text string) (v version, ok bool) {
	n, _ := fmt.Sscanf(text, "%d.%d.%d-gke.%d", &v.major, &v.minor, &v.patch, &v.build)
	return v, n == 4 && v.String() == text
}

func (v version) String() string {
	return fmt.Sprintf("%d.%d.%d-gke.%d", v.major, v.minor, v.patch, v.build)
}

func (v version) compare(o version) int {
	return cmp.Or(cmp.Compare(v.major, o.major), cmp.Compare(v.minor, o.minor), cmp.Compare(v.patch, o.patch), cmp.Compare(v.build, o.build))
}
