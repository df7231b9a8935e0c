# What functions keep: ledger, heartbeats, runs, rotations, mails sent. Versions say who changed what.
resource "google_storage_bucket" "records" {
  project  = var.project
  name     = "${var.project}-tiercel-records"
  location = local.bucket_location

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  # Ledgers and heartbeats are written often: their old versions are of use for a day, and of the rest for a quarter.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 1
      matches_prefix             = ["ledger/", "fleet/", "budget/"]
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 90
    }
  }

  # A run's records are read for as long as reports show their trend; those of rotations of clusters that are no more, by people.
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 400
      matches_prefix = ["harden/runs/", "rotate-away/"]
    }
  }

  depends_on = [google_project_service.apis]
}

# The functions' source, by its hash: the same source is no new deployment.
resource "google_storage_bucket" "sources" {
  project  = var.project
  name     = "${var.project}-tiercel-sources"
  location = local.bucket_location

  force_destroy = true # each build uploads it anew

  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 90
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_storage_bucket_object" "functions" {
  bucket = google_storage_bucket.sources.name
  name   = "functions-${filesha256(var.source_zip)}.zip"
  source = var.source_zip
}
