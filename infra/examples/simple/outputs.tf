output "raw_topic" {
  description = "Where sensors publish."
  value       = module.tiercel.raw_topic
}

output "image_repository" {
  description = "Where the sensor's image is."
  value       = module.tiercel.image_repository
}

output "findings_writers" {
  description = "The accounts that infra/scc-source lets write findings."
  value       = module.tiercel.findings_writers
}

output "roles" {
  description = "What each function may do, and why."
  value       = module.tiercel.roles
}
