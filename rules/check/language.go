package check

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"sync"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/rules/condition"
)

// Bounds of one evaluation. The cost is in steps of the interpreter, some 20 ns each.
const (
	maxCost    = 2_000_000
	checkEvery = 1000
)

var programOptions = []cel.ProgramOption{
	cel.EvalOptions(cel.OptOptimize, cel.OptPartialEval), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(checkEvery),
}

// base is the language before any file's lists and macros.
var base = sync.OnceValues(func() (*condition.Dialect, error) {
	messages := []proto.Message{&pb.Cluster{}, &pb.NodePool{}, &pb.ServerConfig{}, &pb.ClusterUpgradeInfo{}, &pb.NodePoolUpgradeInfo{}, &pb.Operation{}}
	return condition.NewMessageDialect(messages, variableTypes(), functions()...)
})

// Functions lists what conditions of checks have besides the functions of rules.
func Functions() []condition.Function {
	return []condition.Function{
		{Name: "version", Uses: []string{`version(pool.version) < version("1.32.2-gke.1234000")`}, Doc: "A version of GKE as a number that compares as versions do; an error for what is none."},
		{Name: "minor", Uses: []string{"minor(cluster.current_master_version) - minor(pool.version) > 2"}, Doc: "The second number of a version."},
		{Name: "days", Uses: []string{"days(ca.not_after - now) <= 45"}, Doc: "The whole days of a duration, rounded down."},
		{Name: "prefixLength", Uses: []string{`prefixLength(block.cidr_block) < 8`}, Doc: "How many bits of a network's address are fixed; an error for what is no network."},
		{Name: "sorted", Uses: []string{`sorted(labels.filter(l, labels[l] == ""))`}, Doc: "A list of texts in their order; keys of a map come in none."},
		{Name: "timestamp", Uses: []string{`timestamp("2027-06-14T00:00:00Z")`}, Doc: "A time, from a text as RFC 3339 has it."},
	}
}

func functions() []cel.EnvOption {
	one := func(name string, in, out *cel.Type, f func(ref.Val) (ref.Val, error)) cel.EnvOption {
		return cel.Function(name, cel.Overload(name+"_of", []*cel.Type{in}, out, cel.UnaryBinding(func(v ref.Val) ref.Val {
			got, err := f(v)
			if err != nil {
				return types.NewErr("%v", err)
			}
			return got
		})))
	}
	texts := cel.ListType(cel.StringType)
	return []cel.EnvOption{
		one("sorted", texts, texts, func(v ref.Val) (ref.Val, error) {
			list, err := v.ConvertToNative(reflect.TypeFor[[]string]())
			if err != nil {
				return nil, err
			}
			return types.NewStringList(types.DefaultTypeAdapter, slices.Sorted(slices.Values(list.([]string)))), nil
		}),
		one("version", cel.StringType, cel.IntType, func(v ref.Val) (ref.Val, error) {
			n, err := parseVersion(string(v.(types.String)))
			return types.Int(n.number()), err
		}),
		one("minor", cel.StringType, cel.IntType, func(v ref.Val) (ref.Val, error) {
			n, err := parseVersion(string(v.(types.String)))
			return types.Int(n[1]), err
		}),
		one("days", cel.DurationType, cel.IntType, func(v ref.Val) (ref.Val, error) {
			return types.Int(math.Floor(v.(types.Duration).Duration.Hours() / 24)), nil
		}),
		one("prefixLength", cel.StringType, cel.IntType, func(v ref.Val) (ref.Val, error) {
			p, err := netip.ParsePrefix(string(v.(types.String)))
			return types.Int(p.Bits()), err
		}),
	}
}

// A gkeVersion has the numbers of 1.33.4-gke.1.
type gkeVersion [4]int64

var versionText = regexp.MustCompile(`^v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?:-gke\.(\d{1,8}))?`)

// parseVersion reads a version of GKE. What stands behind the numbers does not count: versions can carry suffixes.
func parseVersion(text string) (gkeVersion, error) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return gkeVersion{}, fmt.Errorf("%.60q is no version of GKE", text)
	}
	var v gkeVersion
	for i := range v {
		v[i], _ = strconv.ParseInt(m[i+1], 10, 64) // digits, or nothing
	}
	return v, nil
}

// number is larger for newer versions.
func (v gkeVersion) number() int64 { return ((v[0]*1000+v[1])*10_000+v[2])*100_000_000 + v[3] }

// walk calls visit for each node of a tree that is no part of another's macro; bound are the names that comprehensions give.
func walk(e ast.Expr, bound map[string]bool, visit func(e ast.Expr, bound map[string]bool)) {
	visit(e, bound)
	switch e.Kind() {
	case ast.SelectKind:
		walk(e.AsSelect().Operand(), bound, visit)
	case ast.CallKind:
		if c := e.AsCall(); c.IsMemberFunction() {
			walk(c.Target(), bound, visit)
		}
		for _, a := range e.AsCall().Args() {
			walk(a, bound, visit)
		}
	case ast.ListKind:
		for _, el := range e.AsList().Elements() {
			walk(el, bound, visit)
		}
	case ast.MapKind:
		for _, en := range e.AsMap().Entries() {
			walk(en.AsMapEntry().Key(), bound, visit)
			walk(en.AsMapEntry().Value(), bound, visit)
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			walk(f.AsStructField().Value(), bound, visit)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		walk(c.IterRange(), bound, visit)
		inner := map[string]bool{c.IterVar(): true, c.IterVar2(): true, c.AccuVar(): true}
		for name := range bound {
			inner[name] = true
		}
		for _, part := range []ast.Expr{c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			walk(part, inner, visit)
		}
	}
}
