package dispatch

import (
	"context"
	"slices"
	"strings"

	asset "cloud.google.com/go/asset/apiv1"
	"cloud.google.com/go/asset/apiv1/assetpb"
	"google.golang.org/api/iterator"
)

const (
	clusterAsset = "container.googleapis.com/Cluster"
	searchPage   = 500 // the most that a page may have
)

// Search asks Asset Inventory which projects below a scope (folders/N, organizations/N) have clusters. It needs
// cloudasset.assets.searchAllResources on the scope. The inventory follows changes within minutes, so a project with its first
// cluster may be absent from it; which clusters a project has, GKE itself is asked.
// https://cloud.google.com/asset-inventory/docs/reference/rest/v1/TopLevel/searchAllResources
func Search(ctx context.Context, client *asset.Client, scope string) (projects []string, err error) {
	found := client.SearchAllResources(ctx, &assetpb.SearchAllResourcesRequest{Scope: scope, AssetTypes: []string{clusterAsset}, PageSize: searchPage})
	for {
		r, err := found.Next()
		if err == iterator.Done {
			slices.Sort(projects)
			return slices.Compact(projects), nil
		}
		if err != nil {
			return projects, err
		}
		if p := projectOf(r.GetName()); p != "" {
			projects = append(projects, p)
		}
	}
}

// projectOf reads //container.googleapis.com/projects/P/locations/L/clusters/C, with zones for locations now and then. The
// inventory's own field for the project has its number, which clusters are not named by.
func projectOf(name string) string {
	parts := strings.Split(strings.TrimPrefix(name, "//"), "/")
	if len(parts) < 3 || parts[1] != "projects" {
		return ""
	}
	return parts[2]
}
