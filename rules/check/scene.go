package check

import (
	"context"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"tiercel.dev/internal/posture"
)

// A scene is what one check's conditions see: the world, and an item of a set or none.
type scene struct {
	ctx      context.Context
	set      *Set
	world    *World
	now      time.Time
	resource posture.Resource
	each     string
	item     any
	gaps     map[string]*posture.Gap // by path, of the world and the item
	patterns []*cel.AttributePatternType
	vars     cel.Activation     // the scene with the patterns of gaps
	macros   map[string]ref.Val // evaluated
}

// hidden are the fields that GKE leaves empty for who may not see a part: they are not known then, and not empty.
var hidden = map[string][]string{"credentials": {"cluster.master_auth.client_certificate", "cluster.master_auth.username"}}

// newScene is the scene of checks about the cluster.
func newScene(ctx context.Context, w *World, s *Set, now time.Time) (*scene, error) {
	gaps := map[string]*posture.Gap{}
	for _, v := range variables {
		name := v.Name.Name
		if v.set || name == "now" || name == "resource" {
			continue
		}
		if isNil(w.Vars[name]) {
			gaps[name] = &posture.Gap{Part: name, Error: "was not read"}
		}
	}
	for path, gap := range w.Unknown {
		gaps[path] = gap
		for _, field := range hidden[path] {
			gaps[field] = gap
		}
	}
	sc := &scene{ctx: ctx, set: s, world: w, now: now, resource: w.Resource, each: ofCluster, gaps: gaps, patterns: patternsOf(gaps)}
	return sc, sc.look()
}

// of is the scene with an item of a set.
func (sc *scene) of(set string, it Item) (*scene, error) {
	out := *sc
	out.resource, out.each, out.item, out.macros = it.Resource, set, it.Value, nil
	if len(it.Unknown) == 0 {
		return &out, out.look()
	}
	out.gaps = map[string]*posture.Gap{}
	for path, gap := range sc.gaps {
		out.gaps[path] = gap
	}
	for path, gap := range it.Unknown {
		out.gaps[set+"."+path] = gap
	}
	out.patterns = patternsOf(out.gaps)
	return &out, out.look()
}

// without is the scene of a set that could not be read: its item is not known.
func (sc *scene) without(set string, gap *posture.Gap) (*scene, error) {
	return sc.of(set, Item{Resource: sc.world.Resource, Unknown: map[string]*posture.Gap{"": gap}})
}

// look lays the patterns of what is not known over the variables.
func (sc *scene) look() error {
	if len(sc.patterns) == 0 {
		sc.vars = sc
		return nil
	}
	vars, err := cel.PartialVars(sc, sc.patterns...)
	sc.vars = vars
	return err
}

// patternsOf are patterns of the paths that are not known; a path that ends in a dot is of a whole item.
func patternsOf(gaps map[string]*posture.Gap) []*cel.AttributePatternType {
	var patterns []*cel.AttributePatternType
	for _, path := range sortedKeys(gaps) {
		names := strings.Split(strings.TrimSuffix(path, "."), ".")
		p := cel.AttributePattern(names[0])
		for _, key := range names[1:] {
			p = p.QualString(key)
		}
		patterns = append(patterns, p)
	}
	return patterns
}

// Parent is nil: there is nothing behind a scene.
func (sc *scene) Parent() cel.Activation { return nil }

// ResolveName gives an evaluation a variable.
func (sc *scene) ResolveName(name string) (any, bool) {
	switch {
	case name == "now":
		return sc.now, true
	case name == "resource":
		r := sc.resource
		return map[string]string{"project": r.Project, "location": r.Location, "cluster": r.Cluster, "pool": r.Pool, "kind": r.Kind, "namespace": r.Namespace, "name": r.Name}, true
	case name == sc.each && sc.each != ofCluster:
		return sc.item, sc.item != nil
	}
	if v, ok := sc.world.Vars[name]; ok {
		return v, true
	}
	if l, ok := sc.set.lists[name]; ok {
		return l, true
	}
	m := sc.set.macros[name]
	if m == nil {
		return nil, false
	}
	if v, done := sc.macros[name]; done {
		return v, true
	}
	v := sc.eval(m)
	if sc.macros == nil {
		sc.macros = map[string]ref.Val{}
	}
	sc.macros[name] = v
	return v, true
}

// eval evaluates an expression: to a value, an unknown, or an error.
func (sc *scene) eval(e *expression) ref.Val {
	v, _, err := e.ContextEval(sc.ctx, sc.vars)
	if err != nil {
		return types.WrapErr(err)
	}
	return v
}
