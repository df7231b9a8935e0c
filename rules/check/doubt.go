package check

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/types"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/condition"
)

// A doubt is why something is not known; without a reason there is none.
type doubt struct {
	why      string
	withheld bool // the right to it is not granted, on purpose, and nothing else is missing
}

func doubtOf(path string, gap *posture.Gap) doubt {
	return doubt{why: "needs " + path + ": " + gapText(gap), withheld: gap.Withheld}
}

// or is the doubt that is to be told of two: what went wrong before what is as it was meant, and else the first.
func (d doubt) or(other doubt) doubt {
	if d.why == "" || d.withheld && other.why != "" && !other.withheld {
		return other
	}
	return d
}

// doubted is the result of a check that could not be decided.
func doubted(c *Check, r posture.Resource, d doubt) posture.Result {
	out := result(c, r, posture.Unknown, d.why)
	out.Withheld = d.withheld
	return out
}

// unknown says what an unknown value hangs on. It is withheld if all of that is.
func (sc *scene) unknown(u *types.Unknown) doubt {
	var said []string
	out := doubt{withheld: true}
	for _, id := range u.IDs() {
		trails, _ := u.GetAttributeTrails(id)
		for _, t := range trails {
			d := sc.trail(t)
			said, out.withheld = append(said, d.why), out.withheld && d.withheld
		}
	}
	slices.Sort(said)
	out.why = strings.Join(slices.Compact(said), "; ")
	return out
}

func (sc *scene) trail(t *types.AttributeTrail) doubt {
	if about, ok := strings.CutPrefix(t.Variable(), condition.EnumTrail); ok {
		return doubt{why: about}
	}
	path := t.Variable()
	for _, q := range t.QualifierPath() {
		path += fmt.Sprintf(".%v", q)
	}
	if gap := sc.gap(path); gap != nil {
		return doubtOf(path, gap)
	}
	return doubt{why: "needs " + path}
}

// gap is why a path is not known; nil if it is.
func (sc *scene) gap(path string) *posture.Gap {
	for {
		if g := sc.gaps[path]; g != nil {
			return g
		}
		if g := sc.gaps[path+"."]; g != nil { // the whole item
			return g
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return nil
		}
		path = path[:i]
	}
}

// gapText says which call did not answer, which permission it takes, and why.
func gapText(g *posture.Gap) string {
	text := g.Error
	if g.Call != "" {
		text = g.Call + ": " + text
	}
	if g.Permission != "" {
		text += " (permission " + g.Permission + ")"
	}
	if g.Fix != "" {
		text += "; " + g.Fix
	}
	return text
}
