output "scc" {
  description = "What the deployment's setting scc is: add /locations/L where data must stay in a place."
  value       = google_scc_v2_organization_source.tiercel.name
}
