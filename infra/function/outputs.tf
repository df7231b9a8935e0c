output "member" {
  description = "Its account, for roles that others give it."
  value       = google_service_account.this.member
}

output "service" {
  description = "Its Cloud Run service, for dashboards."
  value       = google_cloudfunctions2_function.this.name
}

output "roles" {
  description = "What it may do, and why: for whoever reviews a plan."
  value = merge(
    var.project_roles,
    var.cluster_permissions,
    { for name, g in var.topic_roles : "${g.role} on ${g.topic}" => g.reason },
    { for role in google_storage_bucket_iam_member.reads[*].role : "${role} on ${var.common.records}" => "lists names, and is told that an object is not there" },
    { for name, reason in var.reads : "roles/storage.objectViewer on ${var.common.records}/${name}" => reason },
    { for name, reason in var.writes : "roles/storage.objectUser on ${var.common.records}/${name}" => reason },
    { for name, s in var.secrets : "roles/secretmanager.secretAccessor on ${s.secret}" => s.reason },
  )
}

output "records" {
  description = "How the names begin of what it reads and writes in the bucket of records."
  value       = { reads = keys(var.reads), writes = keys(var.writes) }
}
