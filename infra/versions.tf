# infra/ is a module: examples/ shows two deployments of it, and scripts/deploy applies one of these or one of yours.
terraform {
  required_version = ">= 1.6.0"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.0.0, < 8.0.0"
    }
  }
}
