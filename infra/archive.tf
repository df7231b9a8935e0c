# Every alert and heartbeat, as published, without a function in between.
resource "google_bigquery_dataset" "archive" {
  project     = var.project
  dataset_id  = "tiercel"
  location    = local.dataset_location
  description = "Tiercel: alerts as they were published."

  depends_on = [google_project_service.apis]
}

# The columns that queries filter by come from messages' attributes; the alert itself is JSON, which only ever grows, so that
# a new version of it is no change of the table.
resource "google_bigquery_table" "messages" {
  project     = var.project
  dataset_id  = google_bigquery_dataset.archive.dataset_id
  table_id    = "messages"
  description = "Messages of the topic of alerts: data is the alert, attributes are what subscriptions filter by."
  schema      = file("${path.module}/queries/messages.json")
  clustering  = ["subscription_name", "message_id"]

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = var.archive_days * 86400000
  }

  deletion_protection = true
}

resource "google_bigquery_table" "views" {
  for_each    = toset(["alerts", "heartbeats"])
  project     = var.project
  dataset_id  = google_bigquery_dataset.archive.dataset_id
  table_id    = each.value
  description = "See infra/queries/${each.value}.sql."

  view {
    query          = templatefile("${path.module}/queries/${each.value}.sql", { table = "${var.project}.tiercel.${google_bigquery_table.messages.table_id}" })
    use_legacy_sql = false
  }

  deletion_protection = false
}

resource "google_pubsub_subscription" "archive" {
  project = var.project
  name    = "tiercel-archive"
  topic   = google_pubsub_topic.topics["alerts"].id
  filter  = var.archive_heartbeats ? null : "attributes.kind != \"heartbeat\""

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  bigquery_config {
    table               = "${var.project}.${google_bigquery_dataset.archive.dataset_id}.${google_bigquery_table.messages.table_id}"
    write_metadata      = true
    drop_unknown_fields = false
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.topics["dead_letter"].id
    max_delivery_attempts = 50
  }

  depends_on = [google_bigquery_dataset_iam_member.archive_rows, google_bigquery_dataset_iam_member.archive_schema]
}

# reason: Pub/Sub itself writes the rows.
resource "google_bigquery_dataset_iam_member" "archive_rows" {
  project    = var.project
  dataset_id = google_bigquery_dataset.archive.dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = local.pubsub_agent
}

# reason: Pub/Sub asks for the table's columns when the subscription is made.
resource "google_bigquery_dataset_iam_member" "archive_schema" {
  project    = var.project
  dataset_id = google_bigquery_dataset.archive.dataset_id
  role       = "roles/bigquery.metadataViewer"
  member     = local.pubsub_agent
}

# reason: Pub/Sub takes a message out of the subscription when it moves it to the dead letters.
resource "google_pubsub_subscription_iam_member" "archive_dead_letter" {
  project      = var.project
  subscription = google_pubsub_subscription.archive.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
