# Clusters of several projects, findings in Security Command Center, data in the European Union, and two teams that read alerts.
terraform {
  required_version = ">= 1.6.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0.0, < 8.0.0"
    }
  }

  # The bucket is scripts/bootstrap's, and scripts/deploy names it.
  backend "gcs" {
    prefix = "tiercel"
  }
}

provider "google" {
  project = var.project
  region  = var.region
}

module "tiercel" {
  source = "../.."

  project          = var.project
  region           = var.region
  cluster_projects = var.cluster_projects
  source_zip       = var.source_zip
  scc              = var.scc

  bucket_location  = "EU"
  dataset_location = "EU"
  message_regions  = ["europe-west1", "europe-west3", "europe-west4"]
  image_pullers    = var.image_pullers

  alert_emails = var.alert_emails

  subscribers = {
    siem = {
      members = ["serviceAccount:siem@${var.project}.iam.gserviceaccount.com"]
    }
    on-call = {
      push   = var.on_call
      filter = "attributes.kind = \"alert\" AND attributes.severity = \"CRITICAL\""
    }
  }
}
