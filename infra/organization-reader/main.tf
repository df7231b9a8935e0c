# Done once by an administrator of the organization, where hardening is to be checked in projects that nobody lists: the functions
# may find clusters, and read what IAM says above projects. What they read in a project itself is granted project by project.
resource "google_organization_iam_custom_role" "reader" {
  org_id      = var.organization
  role_id     = "tiercel_reader"
  title       = "Tiercel: finds clusters, and reads policies above projects"
  permissions = keys(local.permissions)
}

locals {
  # Permission to reason.
  permissions = {
    "cloudasset.assets.searchAllResources"       = "finds the clusters of folders and of the organization"
    "cloudasset.assets.searchAllIamPolicies"     = "who may what on anything there"
    "container.clusters.get"                     = "reads a cluster's settings"
    "container.clusters.list"                    = "knows which clusters a project has"
    "iam.roles.get"                              = "what a custom role of the organization allows"
    "resourcemanager.folders.get"                = "which folders stand above a project"
    "resourcemanager.folders.getIamPolicy"       = "who may what by a folder"
    "resourcemanager.organizations.getIamPolicy" = "who may what by the organization"
  }
}

# reason: given with each permission above.
resource "google_organization_iam_member" "readers" {
  for_each = toset(var.readers)
  org_id   = var.organization
  role     = google_organization_iam_custom_role.reader.name
  member   = each.value
}
