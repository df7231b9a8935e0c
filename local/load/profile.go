package load

import (
	"bytes"
	"fmt"
	"runtime/pprof"
	"time"

	"github.com/google/pprof/profile"
)

// A Profile is taken of the whole process, and knows whose work it was.
type Profile struct{ data bytes.Buffer }

// StartProfile begins one; there can be one at a time.
func StartProfile() (*Profile, error) {
	p := new(Profile)
	return p, pprof.StartCPUProfile(&p.data)
}

// Stop returns the processor time of each function by its name, of Cloud Storage's stand-in as "storage", and of all else (sensors,
// Pub/Sub, the other stand-ins, the collector of garbage) as "". What a server does before it calls a function is among the last.
func (p *Profile) Stop() (map[string]time.Duration, error) {
	pprof.StopCPUProfile()
	read, err := profile.Parse(&p.data)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	all := make(map[string]time.Duration)
	for _, s := range read.Sample {
		of := ""
		if names := s.Label[label]; len(names) > 0 {
			of = names[0]
		}
		all[of] += time.Duration(s.Value[len(s.Value)-1])
	}
	return all, nil
}
