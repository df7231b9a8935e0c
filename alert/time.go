package alert

import (
	"fmt"
	"time"
)

// timeLayout always has nine digits, unlike time.RFC3339Nano, so that times sort as text.
const timeLayout = "2006-01-02T15:04:05.000000000Z"

// Time writes ns since the epoch as the contract writes a time. 0 is "": not known.
func Time(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).UTC().Format(timeLayout)
}

// ParseTime reads a time of the contract: any RFC 3339, so that others may write alerts too.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not an RFC 3339 time", clip(s, 40))
	}
	return t.UTC(), nil
}

// clip shortens text for a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
