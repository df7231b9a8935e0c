# The sensor's images, and those that Cloud Build makes of the functions.
resource "google_artifact_registry_repository" "images" {
  project       = var.project
  location      = var.region
  repository_id = "tiercel"
  format        = "DOCKER"
  description   = "Tiercel: the sensor's image, by digest, and the functions'."

  # An image that a cluster runs, or may go back to, is among those of the last ten builds: each counts as an index, an image and
  # an SBOM for each architecture and for the index, and a provenance.
  cleanup_policies {
    id     = "keep-last"
    action = "KEEP"
    most_recent_versions {
      keep_count = 80
    }
  }
  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }

  depends_on = [google_project_service.apis]
}

# The account in whose name Cloud Build makes images of the functions' source.
resource "google_service_account" "builder" {
  project      = var.project
  account_id   = "tiercel-function-build"
  display_name = "Tiercel: builds its functions"

  depends_on = [google_project_service.apis]
}

# reason: reads the source that it builds, as it was uploaded.
resource "google_storage_bucket_iam_member" "builder_source" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.builder.member
}

# reason: Cloud Functions copies the source into a bucket of its own, which it makes with the first function, and builds from there.
resource "google_project_iam_member" "builder_copy" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title      = "tiercel-function-sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${var.region}\")"
  }
}

# reason: pushes the functions' images.
resource "google_artifact_registry_repository_iam_member" "builder_images" {
  project    = var.project
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}

# reason: the log of a build that failed says why.
resource "google_project_iam_member" "builder_log" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

locals {
  # The builder once it may build: functions that do not wait for that fail.
  builder = [for grant in [
    google_storage_bucket_iam_member.builder_source,
    google_project_iam_member.builder_copy,
    google_artifact_registry_repository_iam_member.builder_images,
    google_project_iam_member.builder_log,
  ] : google_service_account.builder.id][0]
}
