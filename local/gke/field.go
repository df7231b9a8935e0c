package gke

import (
	"strings"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// places are where an update's field goes, if not to the field of its name without desired_.
var places = map[protoreflect.Name]string{
	"desired_cluster_autoscaling":                         "autoscaling",
	"desired_k8s_beta_apis":                               "enable_k8s_beta_apis",
	"desired_enable_private_endpoint":                     "private_cluster_config.enable_private_endpoint",
	"desired_service_external_ips_config":                 "network_config.service_external_ips_config",
	"desired_default_enable_private_nodes":                "network_config.default_enable_private_nodes",
	"desired_default_snat_status":                         "network_config.default_snat_status",
	"desired_datapath_provider":                           "network_config.datapath_provider",
	"desired_dns_config":                                  "network_config.dns_config",
	"desired_gateway_api_config":                          "network_config.gateway_api_config",
	"desired_enable_multi_networking":                     "network_config.enable_multi_networking",
	"desired_in_transit_encryption_config":                "network_config.in_transit_encryption_config",
	"desired_enable_fqdn_network_policy":                  "network_config.enable_fqdn_network_policy",
	"desired_enable_cilium_clusterwide_network_policy":    "network_config.enable_cilium_clusterwide_network_policy",
	"desired_intra_node_visibility_config":                "network_config.enable_intra_node_visibility",
	"desired_l4ilb_subsetting_config":                     "network_config.enable_l4ilb_subsetting",
	"desired_node_kubelet_config":                         "node_pool_defaults.node_config_defaults.node_kubelet_config",
	"desired_containerd_config":                           "node_pool_defaults.node_config_defaults.containerd_config",
	"desired_gcfs_config":                                 "node_pool_defaults.node_config_defaults.gcfs_config",
	"desired_node_pool_logging_config":                    "node_pool_defaults.node_config_defaults.logging_config",
	"desired_node_pool_auto_config_kubelet_config":        "node_pool_auto_config.node_kubelet_config",
	"desired_node_pool_auto_config_linux_node_config":     "node_pool_auto_config.linux_node_config",
	"desired_node_pool_auto_config_network_tags":          "node_pool_auto_config.network_tags",
	"desired_node_pool_auto_config_resource_manager_tags": "node_pool_auto_config.resource_manager_tags",
	"desired_autopilot_workload_policy_config":            "autopilot.workload_policy_config",
	"desired_autopilot_cluster_policy_config":             "autopilot.cluster_policy_config",
	"desired_privileged_admission_config":                 "autopilot.privileged_admission_config",
}

// merged are those of which what is not set stays as it was.
var merged = map[protoreflect.Name]bool{"desired_addons_config": true, "desired_control_plane_endpoints_config": true}

// only returns the one field that an update sets.
// https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/ClusterUpdate
func only(u *pb.ClusterUpdate) (field protoreflect.FieldDescriptor, err error) {
	var names []string
	u.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if f.Name() != "etag" {
			field, names = f, append(names, string(f.Name()))
		}
		return true
	})
	switch len(names) {
	case 0:
		return nil, status.Error(codes.InvalidArgument, "Must specify a field to update.")
	case 1:
		return field, nil
	}
	return nil, status.Errorf(codes.InvalidArgument, "Must specify exactly one field to update, not %d.", len(names))
}

// assign returns what puts an update's field in its place in a cluster, or refuses a field that has none here.
func assign(u *pb.ClusterUpdate, field protoreflect.FieldDescriptor) (func(*pb.Cluster), error) {
	path := places[field.Name()]
	if path == "" {
		path = strings.TrimPrefix(string(field.Name()), "desired_")
	}
	value := u.ProtoReflect().Get(field)
	to := place((&pb.Cluster{}).ProtoReflect().Descriptor(), path)
	switch {
	case to != nil && to.Kind() == protoreflect.BoolKind && field.Message() != nil: // a message that has it as "enabled"
		value = value.Message().Get(field.Message().Fields().ByName("enabled"))
	case to == nil || !alike(to, field):
		return nil, status.Errorf(codes.Unimplemented, "%s is not simulated", field.Name())
	}
	return func(c *pb.Cluster) { set(c, path, value, merged[field.Name()]) }, nil
}

// alike reports whether a value of one field may stand in the other.
func alike(a, b protoreflect.FieldDescriptor) bool {
	return a.Kind() == b.Kind() && a.Cardinality() == b.Cardinality() &&
		(a.Message() == nil || a.Message().FullName() == b.Message().FullName()) && (a.Enum() == nil || a.Enum().FullName() == b.Enum().FullName())
}

// place is the field at the end of a path; nil if there is none.
func place(m protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	name, rest, more := strings.Cut(path, ".")
	f := m.Fields().ByName(protoreflect.Name(name))
	if f == nil || !more {
		return f
	}
	return place(f.Message(), rest)
}

// set puts a value at the end of a path.
func set(m proto.Message, path string, value protoreflect.Value, merge bool) {
	at := m.ProtoReflect()
	for {
		name, rest, more := strings.Cut(path, ".")
		f := at.Descriptor().Fields().ByName(protoreflect.Name(name))
		if more {
			at, path = at.Mutable(f).Message(), rest
			continue
		}
		if merge && at.Has(f) {
			proto.Merge(at.Mutable(f).Message().Interface(), value.Message().Interface())
		} else {
			at.Set(f, value)
		}
		return
	}
}
