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
