// Package iam is who may do what in Google Cloud, on one machine: projects and what is above them, their policies, service
// accounts and roles. It serves IAM's own API over gRPC; packages resourcemanager and asset serve the same by theirs.
// https://cloud.google.com/iam/docs/reference/rpc/google.iam.admin.v1
package iam

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/protobuf/proto"
)

// A Directory holds all in memory. It is safe for concurrent use.
type Directory struct {
	mu       sync.Mutex
	parents  map[string]string        // of projects/P, folders/N, organizations/N; "" for an organization
	policies map[string]*Policy       // by resource
	accounts map[string]*account      // by e-mail
	roles    map[string]*adminpb.Role // by name
}

// A Policy is that of one resource.
type Policy struct {
	Resource string // projects/P, folders/N, organizations/N; of others the full name, as asset inventories write it
	Project  string // projects/P in which it is; "" for what is in none
	Policy   *iampb.Policy
}

type account struct {
	project string
	keys    []*adminpb.ServiceAccountKey
}

// NewDirectory returns one with the predefined roles alone.
func NewDirectory() *Directory {
	d := &Directory{
		parents: make(map[string]string), policies: make(map[string]*Policy), accounts: make(map[string]*account),
		roles: make(map[string]*adminpb.Role),
	}
	for name, permissions := range predefined {
		d.PutRole(name, permissions...)
	}
	return d
}

// Put puts a project, folder or organization, such as projects/p, below another.
func (d *Directory) Put(name, parent string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parents[name] = parent
}

// PutPolicy puts who may do what with a resource, and with what is below it.
func (d *Directory) PutPolicy(p Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.Policy = proto.CloneOf(p.Policy)
	if strings.HasPrefix(p.Resource, "projects/") {
		p.Project = p.Resource
	}
	d.policies[p.Resource] = &p
}

// PutAccount puts a service account of a project, with its keys.
func (d *Directory) PutAccount(project, email string, keys ...*adminpb.ServiceAccountKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.accounts[email] = &account{project, keys}
}

// PutRole puts a role, or replaces one.
func (d *Directory) PutRole(name string, permissions ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.roles[name] = &adminpb.Role{Name: name, IncludedPermissions: permissions}
}

// Parent is what a project, folder or organization is below; false if there is no such one.
func (d *Directory) Parent(name string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	parent, ok := d.parents[name]
	return parent, ok
}

// Projects are the names of all projects, in order.
func (d *Directory) Projects() (all []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.parents)) {
		if strings.HasPrefix(name, "projects/") {
			all = append(all, name)
		}
	}
	return all
}

// Policy is that of a resource, empty if none was put.
func (d *Directory) Policy(resource string) *iampb.Policy {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.policies[resource]; p != nil {
		return proto.CloneOf(p.Policy)
	}
	return &iampb.Policy{Version: 1}
}

// Below are the policies of a project, folder or organization and of all that is in it, by resource.
func (d *Directory) Below(scope string) (all []Policy) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, resource := range slices.Sorted(maps.Keys(d.policies)) {
		p := *d.policies[resource]
		in := p.Resource
		if p.Project != "" {
			in = p.Project
		}
		for ; in != "" && in != scope; in = d.parents[in] {
		}
		if in == scope {
			p.Policy = proto.CloneOf(p.Policy)
			all = append(all, p)
		}
	}
	return all
}

// Shown is a policy as a request of a version gets it: below version 3, conditions are not shown, and the roles that have them
// say so by their names.
// https://cloud.google.com/iam/docs/policies#versions
func Shown(p *iampb.Policy, version int32) *iampb.Policy {
	if version >= 3 {
		return p
	}
	for _, b := range p.Bindings {
		if b.Condition != nil {
			b.Role, b.Condition = b.Role+"_withcond_0123456789abcdef", nil
		}
	}
	p.Version = 1
	return p
}
