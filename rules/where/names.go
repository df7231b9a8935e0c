package where

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Facts are what is known of an alert.
type Facts struct {
	Rule     string
	Tags     []string
	Severity uint8 // 1 is LOW, 4 CRITICAL
	Event    string
	Verified bool

	Project, Location, Cluster string
	Channel                    string
	ClusterLabels              map[string]string
	Node, NodePool             string

	Namespace, Pod             string
	PodLabels                  map[string]string
	WorkloadKind, WorkloadName string
	Services                   []string
	Exposed                    bool

	Container, Image string
	Process, Path    string

	// Unknown are the names, as conditions write them, of what could not be found out.
	Unknown []string
}

// A Name is one that conditions may use.
type Name struct {
	Name, Type, Doc string
	celType         *cel.Type
	value           func(*Facts) any
}

// Names lists the names, in the order of their documentation. Those that rules have too are spelt as there.
func Names() []Name { return slices.Clone(names) }

var names = []Name{
	text("rule", "The rule that matched.", func(f *Facts) string { return f.Rule }),
	texts("tags", "The rule's tags.", func(f *Facts) []string { return f.Tags }),
	number("severity", "As the sensor gave it; compare with LOW, MEDIUM, HIGH, CRITICAL.", func(f *Facts) int64 { return int64(f.Severity) }),
	severity("LOW", 1), severity("MEDIUM", 2), severity("HIGH", 3), severity("CRITICAL", 4),
	text("evt.type", "What happened: a system call.", func(f *Facts) string { return f.Event }),
	flag("verified", "Project, cluster and node exist and belong together.", func(f *Facts) bool { return f.Verified }),
	text("cluster.project", "As the sensor says.", func(f *Facts) string { return f.Project }),
	text("cluster.location", "As the sensor says.", func(f *Facts) string { return f.Location }),
	text("cluster.name", "As the sensor says.", func(f *Facts) string { return f.Cluster }),
	text("cluster.channel", "RAPID, REGULAR, STABLE, EXTENDED, or nothing.", func(f *Facts) string { return f.Channel }),
	labels("cluster.label", "Labels of the cluster.", func(f *Facts) map[string]string { return f.ClusterLabels }),
	text("node.name", "As the sensor says.", func(f *Facts) string { return f.Node }),
	text("node.pool", "The node's pool.", func(f *Facts) string { return f.NodePool }),
	text("k8s.ns.name", "Namespace of the pod.", func(f *Facts) string { return f.Namespace }),
	text("k8s.pod.name", "Name of the pod.", func(f *Facts) string { return f.Pod }),
	labels("k8s.pod.label", "Labels of the pod.", func(f *Facts) map[string]string { return f.PodLabels }),
	text("k8s.workload.kind", "Kind of what the pod belongs to in the end: Deployment, CronJob.", func(f *Facts) string { return f.WorkloadKind }),
	text("k8s.workload.name", "Name of what the pod belongs to in the end.", func(f *Facts) string { return f.WorkloadName }),
	texts("k8s.services", "Services that select the pod.", func(f *Facts) []string { return f.Services }),
	flag("k8s.exposed", "One of them is reachable from outside of the cluster.", func(f *Facts) bool { return f.Exposed }),
	text("container.name", "Name of the container.", func(f *Facts) string { return f.Container }),
	text("container.image.repository", "The image without its tag.", func(f *Facts) string { return f.Image }),
	text("proc.name", "Name of the process.", func(f *Facts) string { return f.Process }),
	text("proc.exepath", "Path of its executable.", func(f *Facts) string { return f.Path }),
}

var byName = func() map[string]Name {
	m := make(map[string]Name, len(names))
	for _, n := range names {
		m[n.Name] = n
	}
	return m
}()

func text(name, doc string, get func(*Facts) string) Name {
	return Name{name, "text", doc, cel.StringType, func(f *Facts) any { return get(f) }}
}

func texts(name, doc string, get func(*Facts) []string) Name {
	return Name{name, "list of texts", doc, cel.ListType(cel.StringType), func(f *Facts) any { return get(f) }}
}

func number(name, doc string, get func(*Facts) int64) Name {
	return Name{name, "number", doc, cel.IntType, func(f *Facts) any { return get(f) }}
}

func severity(name string, n int64) Name {
	return number(name, "A severity.", func(*Facts) int64 { return n })
}

func flag(name, doc string, get func(*Facts) bool) Name {
	return Name{name, "bool", doc, cel.BoolType, func(f *Facts) any { return get(f) }}
}

func labels(name, doc string, get func(*Facts) map[string]string) Name {
	return Name{name, "map of texts", doc, cel.MapType(cel.StringType, cel.StringType), func(f *Facts) any {
		return labelMap{types.NewStringStringMap(types.DefaultTypeAdapter, get(f))}
	}}
}

// labelMap reads as "" what it does not have, as fields of rules do; whether it has it, `in` tells.
type labelMap struct{ traits.Mapper }

func (m labelMap) Find(key ref.Val) (ref.Val, bool) {
	if v, ok := m.Mapper.Find(key); ok {
		return v, true
	}
	return types.String(""), true
}

func (m labelMap) Get(key ref.Val) ref.Val {
	v, _ := m.Find(key)
	return v
}

// activation gives an evaluation the facts by name.
type activation struct{ facts *Facts }

func (a activation) Parent() cel.Activation { return nil }

func (a activation) ResolveName(name string) (any, bool) {
	n, ok := byName[name]
	if !ok {
		return nil, false
	}
	return n.value(a.facts), true
}
