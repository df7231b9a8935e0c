# Static tokens of service accounts are counted as an account of its own, since whoever may list secrets may read them. Nothing runs
# as it; scripts/bootstrap --count-tokens gives it its right in clusters.
resource "google_service_account" "tokens" {
  count        = var.count_tokens ? 1 : 0
  project      = var.project
  account_id   = "tiercel-tokens"
  display_name = "Tiercel: counts static tokens"

  depends_on = [google_project_service.apis]
}

# reason: the functions that check hardening and rotate credentials ask as it, and for that alone.
resource "google_service_account_iam_member" "tokens" {
  for_each           = var.count_tokens ? { harden = module.harden.member, rotate = module.rotate.member } : {}
  service_account_id = google_service_account.tokens[0].id
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}

resource "google_project_iam_custom_role" "tokens" {
  for_each    = var.count_tokens ? toset(var.cluster_projects) : toset([])
  project     = each.value
  role_id     = "tiercel_tokens"
  title       = "Tiercel: counts static tokens"
  description = "Reaches clusters by their DNS endpoints; what it may list there, infra/kubernetes/tokens.yaml says."
  permissions = ["container.clusters.connect"]
}

# reason: it reaches clusters by their DNS endpoints; inside of them RBAC decides.
resource "google_project_iam_member" "tokens" {
  for_each = google_project_iam_custom_role.tokens
  project  = each.value.project
  role     = each.value.name
  member   = google_service_account.tokens[0].member
}
