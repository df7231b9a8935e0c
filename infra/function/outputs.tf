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
    { for name, g in var.bucket_roles : "${g.role} on ${g.bucket}" => g.reason },
    { for name, s in var.secrets : "roles/secretmanager.secretAccessor on ${s.secret}" => s.reason },
  )
}
