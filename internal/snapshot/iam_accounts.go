package snapshot

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cloud.google.com/go/iam/admin/apiv1/adminpb"
	"cloud.google.com/go/iam/apiv1/iampb"
)

// maxAccounts bounds how many service accounts of workloads are asked for.
const maxAccounts = 100

// workloadAnnotation is on Kubernetes service accounts that act as one of IAM.
const workloadAnnotation = "iam.gke.io/gcp-service-account"

// NodeAccount is the service account of a pool's nodes: "default" is the project's own for Compute Engine, which takes the project's
// number to name.
func NodeAccount(account, projectNumber string) string {
	if account != "" && account != "default" {
		return account
	}
	if projectNumber == "" {
		return ""
	}
	return projectNumber + "-compute@developer.gserviceaccount.com"
}

// accounts asks about the service accounts that the cluster's nodes and workloads act as.
func (c *Cloud) accounts(ctx context.Context, s *Snapshot) {
	wanted := map[string]*Account{}
	of := func(email string) *Account {
		if wanted[email] == nil {
			wanted[email] = &Account{Email: email}
		}
		return wanted[email]
	}
	for _, p := range s.Cluster.GetNodePools() {
		if email := NodeAccount(p.GetConfig().GetServiceAccount(), s.IAM.ProjectNumber); email != "" {
			a := of(email)
			a.Pools = append(a.Pools, p.GetName())
		}
	}
	if s.Kubernetes != nil {
		for i := range s.Kubernetes.ServiceAccounts {
			a := &s.Kubernetes.ServiceAccounts[i]
			if email := a.Annotations[workloadAnnotation]; strings.HasSuffix(email, ".gserviceaccount.com") {
				used := of(email)
				used.Used = append(used.Used, a.Namespace+"/"+a.Name)
			}
		}
	}
	s.IAM.Accounts = []Account{}
	for n, email := range slices.Sorted(maps.Keys(wanted)) {
		if n == maxAccounts {
			s.gap(PartAccounts, "GetIamPolicy", "", fmt.Errorf("the cluster acts as more than %d service accounts", maxAccounts))
			return
		}
		c.account(ctx, s, wanted[email])
		s.IAM.Accounts = append(s.IAM.Accounts, *wanted[email])
	}
}

func (c *Cloud) account(ctx context.Context, s *Snapshot, a *Account) {
	name := "projects/-/serviceAccounts/" + a.Email
	policy, err := c.Accounts.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: name, Options: &iampb.GetPolicyOptions{RequestedPolicyVersion: 3}})
	if err != nil {
		s.gap(PartAccounts+"/"+a.Email+"/policy", "GetIamPolicy", "iam.serviceAccounts.getIamPolicy", err)
	} else {
		a.Bindings = bindings(policy.InternalProto)
	}
	keys, err := c.Accounts.ListServiceAccountKeys(ctx, &adminpb.ListServiceAccountKeysRequest{
		Name: name, KeyTypes: []adminpb.ListServiceAccountKeysRequest_KeyType{adminpb.ListServiceAccountKeysRequest_USER_MANAGED},
	})
	if err != nil {
		s.gap(PartAccounts+"/"+a.Email+"/keys", "ListServiceAccountKeys", "iam.serviceAccountKeys.list", err)
		return
	}
	a.Keys = []Key{}
	for _, k := range keys.GetKeys() {
		if !k.GetDisabled() {
			a.Keys = append(a.Keys, Key{ID: k.GetName()[strings.LastIndexByte(k.GetName(), '/')+1:], Created: k.GetValidAfterTime().AsTime(), Ends: k.GetValidBeforeTime().AsTime()})
		}
	}
}
