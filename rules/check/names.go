package check

import (
	"maps"
	"slices"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"cel.dev/cel-go/cel"
	"google.golang.org/protobuf/proto"
)

// A Name is a variable that conditions may use.
type Name struct{ Name, Type, Doc string }

const (
	ofCluster = "cluster" // what a check is about that says nothing else
	poolSet   = "pool"
)

type variable struct {
	Name
	set     bool // holds an item of the set of that name
	celType *cel.Type
}

// variables are in the order of their documentation.
var variables = []variable{
	message(ofCluster, "The cluster, without secrets.", &pb.Cluster{}),
	message("server_config", "Versions and images that GKE has in the cluster's location.", &pb.ServerConfig{}),
	message("upgrade_info", "Where the cluster's upgrades stand.", &pb.ClusterUpgradeInfo{}),
	{Name{"pool_upgrade_info", "map of NodePoolUpgradeInfo", "The same of each pool, by its name."}, false, cel.MapType(cel.StringType, typeOf(&pb.NodePoolUpgradeInfo{}))},
	{Name{"operations", "list of Operation", "Operations of the cluster and its pools, ended ones too."}, false, cel.ListType(typeOf(&pb.Operation{}))},
	object("ca", "The cluster's certificate authority: not_before, not_after, fingerprint."),
	object("maintenance", "When GKE may maintain the cluster by its window: hours (of 32 days), longest (in hours), window (in words)."),
	object("network", "How far network policies reach: enforced, engine, pods, covered, percent, without (namespaces)."),
	object("storage", "Which storage classes encrypt disks by a key of one's own: with_key, without_key."),
	object("iam", "What IAM policies say of logs: data_access (types), exempted (members)."),
	{Name{"now", "time", "When the cluster was looked at."}, false, cel.TimestampType},
	{Name{"resource", "map of texts", "What the verdict is about: project, location, cluster, pool, kind, namespace, name; \"\" for what it does not have."}, false, cel.MapType(cel.StringType, cel.StringType)},

	item(message(poolSet, "A node pool.", &pb.NodePool{})),
	item(object("ns", "A namespace.")),
	item(object("workload", "A pod, or the controller of pods.")),
	item(object("binding", "A RoleBinding or ClusterRoleBinding.")),
	item(object("principal", "Somebody with rights in the cluster.")),
	item(object("service_account", "A Kubernetes service account.")),
	item(object("service", "A service.")),
	item(object("webhook", "An admission webhook.")),
	item(object("pdb", "A PodDisruptionBudget.")),
	item(object("csr", "A certificate signing request.")),
	item(object("node", "A node.")),
	item(object("iam_binding", "A member of a binding of an IAM policy.")),
	item(object("iam_account", "A service account that nodes or workloads act as.")),
	item(object("insight", "An insight of the recommender.")),
}

var variablesByName = func() map[string]variable {
	m := make(map[string]variable, len(variables))
	for _, v := range variables {
		m[v.Name.Name] = v
	}
	return m
}()

// Names lists the variables; sets are those of which a check may be about each.
func Names() (vars, sets []Name) {
	for _, v := range variables {
		if v.set {
			sets = append(sets, v.Name)
		} else {
			vars = append(vars, v.Name)
		}
	}
	return vars, sets
}

func isSet(name string) bool { return variablesByName[name].set }

func setNames() []string {
	_, sets := Names()
	names := []string{ofCluster}
	for _, s := range sets {
		names = append(names, s.Name)
	}
	return names
}

func message(name, doc string, m proto.Message) variable {
	return variable{Name{name, string(m.ProtoReflect().Descriptor().Name()), doc}, false, typeOf(m)}
}

func typeOf(m proto.Message) *cel.Type {
	return cel.ObjectType(string(m.ProtoReflect().Descriptor().FullName()))
}

func object(name, doc string) variable {
	return variable{Name{name, "object", doc}, false, cel.MapType(cel.StringType, cel.DynType)}
}

func item(v variable) variable {
	v.set = true
	return v
}

func variableTypes() map[string]*cel.Type {
	types := map[string]*cel.Type{}
	for _, v := range variables {
		types[v.Name.Name] = v.celType
	}
	return types
}

// sortedKeys are the keys of a map, so that all that is said of it is said in the same order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
