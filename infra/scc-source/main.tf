# Done once by an administrator of the organization, apart from the rest: whoever deploys Tiercel needs no right in the
# organization, and Tiercel itself may write findings of this source and nothing else.
resource "google_scc_v2_organization_source" "tiercel" {
  organization = var.organization
  display_name = var.display_name
  description  = "Runtime alerts and hardening of GKE clusters, by Tiercel."
}

# reason: these functions write findings; on the source, so that no other source's findings are within reach.
resource "google_scc_v2_organization_source_iam_member" "writers" {
  for_each     = toset(var.writers)
  organization = var.organization
  source       = google_scc_v2_organization_source.tiercel.name
  role         = "roles/securitycenter.findingsEditor"
  member       = each.value
}

# Whether findings may be written is a line of `tiercel doctor`, and between waves of a roll-out the build asks it.
resource "google_organization_iam_custom_role" "source_reader" {
  org_id      = var.organization
  role_id     = "tiercel_source_reader"
  title       = "Tiercel: sees its source"
  permissions = keys(local.source_permissions)
}

locals {
  # Permission to reason.
  source_permissions = {
    "securitycenter.sources.get"          = "whether the source is there"
    "securitycenter.sources.getIamPolicy" = "whether functions may write findings of it"
  }
}

# reason: given with each permission above; on the source alone.
resource "google_scc_v2_organization_source_iam_member" "readers" {
  for_each     = toset(var.readers)
  organization = var.organization
  source       = google_scc_v2_organization_source.tiercel.name
  role         = google_organization_iam_custom_role.source_reader.name
  member       = each.value
}
