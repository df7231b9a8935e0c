# reason: given with each role in project_roles.
resource "google_project_iam_member" "project" {
  for_each = var.project_roles
  project  = var.common.project
  role     = each.key
  member   = google_service_account.this.member
}

# reason: given with each permission in cluster_permissions.
resource "google_project_iam_member" "clusters" {
  for_each = google_project_iam_custom_role.clusters
  project  = each.value.project
  role     = each.value.name
  member   = google_service_account.this.member
}

# A role of its own in each project of clusters: Google's smallest ones allow a hundred times more.
resource "google_project_iam_custom_role" "clusters" {
  for_each    = length(var.cluster_permissions) == 0 ? toset([]) : toset(var.common.cluster_projects)
  project     = each.value
  role_id     = replace(var.name, "-", "_")
  title       = "Tiercel: ${var.entry_point}"
  description = var.description
  permissions = keys(var.cluster_permissions)
}

# reason: given with each role in topic_roles.
resource "google_pubsub_topic_iam_member" "topics" {
  for_each = var.topic_roles
  project  = var.common.project
  topic    = each.value.topic
  role     = each.value.role
  member   = google_service_account.this.member
}

# reason: given with each role in bucket_roles. What people write for Tiercel to go by (policies, exceptions, who gets mails) ends with
# .yaml, and no function writes it: who has taken one would else allow himself whatever another can do.
resource "google_storage_bucket_iam_member" "buckets" {
  for_each = var.bucket_roles
  bucket   = each.value.bucket
  role     = each.value.role
  member   = google_service_account.this.member

  dynamic "condition" {
    for_each = each.value.role == "roles/storage.objectUser" ? [true] : []
    content {
      title      = "not-what-people-wrote"
      expression = "!resource.name.endsWith(\".yaml\")"
    }
  }
}

# reason: reads what people wrote, which the condition above keeps from it.
resource "google_storage_bucket_iam_member" "written" {
  for_each = { for name, b in var.bucket_roles : name => b if b.role == "roles/storage.objectUser" }
  bucket   = each.value.bucket
  role     = "roles/storage.objectViewer"
  member   = google_service_account.this.member

  condition {
    title      = "what-people-wrote"
    expression = "resource.name.endsWith(\".yaml\")"
  }
}

# reason: given with each secret in secrets.
resource "google_secret_manager_secret_iam_member" "secrets" {
  for_each  = var.secrets
  project   = var.common.project
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.this.member
}
