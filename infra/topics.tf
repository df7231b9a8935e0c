resource "google_pubsub_schema" "alert" {
  project    = var.project
  name       = "tiercel-alert"
  type       = "PROTOCOL_BUFFER"
  definition = file("${path.module}/../alert/alert.proto")

  depends_on = [google_project_service.apis]
}

locals {
  topics = {
    raw         = { name = "tiercel-alerts-raw", checked = true } # where sensors publish
    alerts      = { name = "tiercel-alerts", checked = true }     # what everybody else reads
    work        = { name = "tiercel-work", checked = false }      # clusters, for who does the scheduled work
    notices     = { name = "tiercel-notices", checked = false }   # what GKE tells of its clusters
    quarantine  = { name = "tiercel-quarantine", checked = false }
    dead_letter = { name = "tiercel-dead-letter", checked = false }
  }
}

# The last two, for what will never succeed and for what did not for long, have no schema: nothing may be refused there.
resource "google_pubsub_topic" "topics" {
  for_each = local.topics
  project  = var.project
  name     = each.value.name

  dynamic "schema_settings" {
    for_each = each.value.checked ? [google_pubsub_schema.alert.id] : []
    content {
      schema   = schema_settings.value
      encoding = "JSON"
    }
  }

  dynamic "message_storage_policy" {
    for_each = length(var.message_regions) == 0 ? [] : [var.message_regions]
    content {
      allowed_persistence_regions = message_storage_policy.value
    }
  }

  depends_on = [google_project_service.apis]
}

# Somebody reads them some day, by `tiercel dead-letter`.
resource "google_pubsub_subscription" "kept" {
  for_each = toset(["quarantine", "dead_letter"])
  project  = var.project
  name     = local.topics[each.value].name
  topic    = google_pubsub_topic.topics[each.value].id

  ack_deadline_seconds       = 60
  message_retention_duration = "2678400s" # 31 days, the longest that there is

  expiration_policy {
    ttl = "" # never, though nobody pulls for months
  }
}

# reason: Pub/Sub itself moves what was not taken for long to the topic of dead letters.
resource "google_pubsub_topic_iam_member" "dead_letter" {
  project = var.project
  topic   = google_pubsub_topic.topics["dead_letter"].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}
