output "raw_topic" {
  description = "Where sensors publish: what --output of the sensor names."
  value       = google_pubsub_topic.topics["raw"].id
}

output "alerts_topic" {
  description = "What subscribers read."
  value       = google_pubsub_topic.topics["alerts"].id
}

output "image_repository" {
  description = "Where the sensor's image is."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "findings_writers" {
  description = "The accounts that infra/scc-source lets write findings."
  value       = local.findings_writers
}

output "roles" {
  description = "What each function may do, and why."
  value       = { for name, f in local.functions : name => f.roles }
}

output "records" {
  description = "Which objects of the bucket of records each function reads and writes, by how names begin."
  value       = { for f in values(local.functions) : f.service => f.records }
}
