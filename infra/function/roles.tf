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

# Functions share a bucket, and each has its part of it: a condition is about the object that a call names. No function copies or moves
# one, of which it is not known here how a condition is asked. What people write for Tiercel to go by (policies, exceptions, who gets mails) ends
# with .yaml, and no function writes it: who has taken one would else allow himself whatever another can do.
locals {
  objects = "projects/_/buckets/${var.common.records}/objects/"
}

# reason: given with each name in writes.
resource "google_storage_bucket_iam_member" "writes" {
  count  = length(var.writes) == 0 ? 0 : 1
  bucket = var.common.records
  role   = "roles/storage.objectUser"
  member = google_service_account.this.member

  condition {
    title      = "writes"
    expression = "(${join(" || ", [for name in keys(var.writes) : "resource.name.startsWith(\"${local.objects}${name}\")"])}) && !resource.name.endsWith(\".yaml\")"
  }
}

# reason: given with each name in reads. Lists are of the bucket, and so of all names or none; who may not list is told that an object
# which is not there is forbidden to it.
resource "google_storage_bucket_iam_member" "reads" {
  count  = length(var.reads) + length(var.writes) == 0 ? 0 : 1
  bucket = var.common.records
  role   = "roles/storage.objectViewer"
  member = google_service_account.this.member

  condition {
    title = "reads"
    expression = join(" || ", concat(
      ["resource.name == \"projects/_/buckets/${var.common.records}\""],
      [for name in keys(var.reads) : "resource.name.startsWith(\"${local.objects}${name}\")"],
    ))
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
