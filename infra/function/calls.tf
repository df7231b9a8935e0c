# Our own push subscriptions, and not Eventarc's: those keep a message for a day and have no dead letters.
resource "google_pubsub_subscription" "push" {
  for_each = var.subscriptions
  project  = var.common.project
  name     = each.key
  topic    = each.value.topic
  filter   = each.value.filter

  ack_deadline_seconds       = min(600, var.timeout + 10) # functions give up before
  message_retention_duration = "604800s"                  # 7 days

  expiration_policy {
    ttl = "" # never
  }

  push_config {
    push_endpoint = google_cloudfunctions2_function.this.service_config[0].uri

    oidc_token {
      service_account_email = var.common.invoker
      audience              = google_cloudfunctions2_function.this.service_config[0].uri
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # 50 attempts with this back-off are some eight hours: a night's outage is not a dead letter.
  dead_letter_policy {
    dead_letter_topic     = var.common.dead_letter
    max_delivery_attempts = 50
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invoker]
}

# reason: Pub/Sub takes a message out of the subscription when it moves it to the dead letters.
resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each     = google_pubsub_subscription.push
  project      = var.common.project
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = var.common.pubsub_agent
}

resource "google_cloud_scheduler_job" "this" {
  count            = var.schedule == null ? 0 : 1
  project          = var.common.project
  region           = var.common.region
  name             = var.name
  description      = var.description
  schedule         = var.schedule.cron
  time_zone        = var.schedule.zone
  attempt_deadline = "${var.timeout}s"

  http_target {
    http_method = "POST"
    uri         = google_cloudfunctions2_function.this.service_config[0].uri
    body        = var.schedule.body == null ? null : base64encode(var.schedule.body)

    oidc_token {
      service_account_email = var.common.invoker
      audience              = google_cloudfunctions2_function.this.service_config[0].uri
    }
  }

  retry_config {
    retry_count          = 3
    min_backoff_duration = "10s"
    max_backoff_duration = "300s"
  }

  depends_on = [google_cloud_run_v2_service_iam_member.invoker]
}
