locals {
  sensor_subject = "ns/${split("/", var.sensor_account)[0]}/sa/${split("/", var.sensor_account)[1]}"
}

# Workload Identity: the sensor's Kubernetes account is named itself, so there is no Google account whose keys could be made or
# which another could take. Every cluster of a project shares the pool, so the namespace and the name are kept for the sensor.
# reason: sensors publish, and that is all they may: no subscription, no other topic, nothing to read.
resource "google_pubsub_topic_iam_member" "sensor" {
  for_each = toset(var.cluster_projects)
  project  = var.project
  topic    = google_pubsub_topic.topics["raw"].name
  role     = "roles/pubsub.publisher"
  member   = "principal://iam.googleapis.com/projects/${data.google_project.clusters[each.value].number}/locations/global/workloadIdentityPools/${each.value}.svc.id.goog/subject/${local.sensor_subject}"
}

# reason: nodes pull the sensor's image as their own accounts, which image_pullers names.
resource "google_artifact_registry_repository_iam_member" "pullers" {
  for_each   = toset(var.image_pullers)
  project    = var.project
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.reader"
  member     = each.value
}
