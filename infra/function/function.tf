resource "google_service_account" "this" {
  project      = var.common.project
  account_id   = coalesce(var.account, var.name)
  display_name = "Tiercel: ${var.entry_point}"
  description  = var.description
}

resource "google_cloudfunctions2_function" "this" {
  project     = var.common.project
  location    = var.common.region
  name        = var.name
  description = var.description

  build_config {
    runtime           = var.common.runtime
    entry_point       = var.entry_point
    service_account   = var.common.builder
    docker_repository = var.common.registry

    source {
      storage_source {
        bucket = var.common.source_bucket
        object = var.common.source_object
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.this.email
    max_instance_count               = var.max_instances
    max_instance_request_concurrency = var.concurrency
    available_cpu                    = "1"
    available_memory                 = var.memory
    timeout_seconds                  = var.timeout
    environment_variables            = merge(var.common.environment, var.settings)
    all_traffic_on_latest_revision   = true

    # Pub/Sub and Cloud Scheduler of this project count as internal. Nobody else has anything to ask here.
    ingress_settings = length(var.callers) == 0 ? "ALLOW_INTERNAL_ONLY" : "ALLOW_ALL"

    # To control planes that have private addresses alone.
    direct_vpc_egress = var.common.network == null ? null : "VPC_EGRESS_PRIVATE_RANGES_ONLY"

    dynamic "direct_vpc_network_interface" {
      for_each = var.common.network == null ? [] : [var.common.network]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }

    dynamic "secret_environment_variables" {
      for_each = var.secrets
      content {
        key        = secret_environment_variables.key
        project_id = var.common.project
        secret     = secret_environment_variables.value.secret
        version    = "latest"
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.secrets]
}

# reason: subscriptions and schedules call it in this account's name; nobody else may call it at all.
resource "google_cloud_run_v2_service_iam_member" "invoker" {
  project  = var.common.project
  location = var.common.region
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.common.invoker}"
}

# reason: people who call it themselves; who else comes, Cloud Run turns away.
resource "google_cloud_run_v2_service_iam_member" "callers" {
  for_each = toset(var.callers)
  project  = var.common.project
  location = var.common.region
  name     = google_cloudfunctions2_function.this.name
  role     = "roles/run.invoker"
  member   = each.value
}
