# One project, its clusters, and no organization: alerts reach subscribers and the archive, and findings are counted only.
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
  cluster_projects = [var.project]
  source_zip       = var.source_zip
  scc              = "off"
  alert_emails     = var.alert_emails
}
