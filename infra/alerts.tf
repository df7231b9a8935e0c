resource "google_monitoring_notification_channel" "mail" {
  for_each     = toset(var.alert_emails)
  project      = var.project
  display_name = "Tiercel: ${each.value}"
  type         = "email"
  labels       = { email_address = each.value }

  depends_on = [google_project_service.apis]
}

# What the pipeline's own logs count.
resource "google_logging_metric" "silent_nodes" {
  project         = var.project
  name            = "tiercel/silent_nodes"
  description     = "Nodes without a living sensor, of each check of the fleet."
  filter          = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${module.fleet.service}\" AND jsonPayload.message=\"fleet checked\""
  value_extractor = "EXTRACT(jsonPayload.silent)"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = "1"
  }
}

resource "google_logging_metric" "quota" {
  project     = var.project
  name        = "tiercel/quota"
  description = "Findings that wait for quota."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"${module.route.service}\" OR \"${module.flush.service}\") AND (jsonPayload.message=\"quota\" OR jsonPayload.message:\"bytes of findings are used up\" OR jsonPayload.message:\"wait for the next minute's budget\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

locals {
  channels = concat(var.notification_channels, [for c in google_monitoring_notification_channel.mail : c.name])

  # Each has a page of docs/playbooks. above is a threshold that must not be passed for so long; null: the series must not be absent.
  alerts = {
    backlog = {
      title    = "messages wait"
      filter   = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-(enrich|route|route-urgent|heartbeats|harden|upgrade|notices|leaks|archive|to-.*)\") AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      above    = 600
      duration = "300s"
      aligner  = "ALIGN_MAX"
      reducer  = "REDUCE_MAX"
      group    = ["resource.labels.subscription_id"]
    }
    dead-letters = {
      title    = "messages are put aside"
      filter   = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-(dead-letter|quarantine)\") AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      above    = 0
      duration = "0s"
      aligner  = "ALIGN_MAX"
      reducer  = "REDUCE_MAX"
      group    = ["resource.labels.subscription_id"]
    }
    quota = {
      title    = "findings wait for quota"
      filter   = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.quota.name}\""
      above    = 0
      duration = "900s"
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_SUM"
      group    = []
    }
    silent-nodes = {
      title    = "nodes are silent"
      filter   = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.silent_nodes.name}\""
      above    = 0
      duration = "600s"
      aligner  = "ALIGN_PERCENTILE_99"
      reducer  = "REDUCE_MAX"
      group    = []
    }
    unwatched = {
      title    = "nobody looks after the fleet"
      filter   = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.silent_nodes.name}\""
      above    = null
      duration = "900s"
      aligner  = "ALIGN_DELTA"
      reducer  = "REDUCE_COUNT"
      group    = []
    }
  }
}

resource "google_monitoring_alert_policy" "pipeline" {
  for_each     = local.alerts
  project      = var.project
  display_name = "Tiercel: ${each.value.title}"
  combiner     = "OR"
  severity     = "ERROR"

  conditions {
    display_name = each.value.title

    dynamic "condition_threshold" {
      for_each = each.value.above == null ? [] : [each.value.above]
      content {
        filter          = each.value.filter
        comparison      = "COMPARISON_GT"
        threshold_value = condition_threshold.value
        duration        = each.value.duration
        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = each.value.aligner
          cross_series_reducer = each.value.reducer
          group_by_fields      = each.value.group
        }
      }
    }

    dynamic "condition_absent" {
      for_each = each.value.above == null ? [each.value.filter] : []
      content {
        filter   = condition_absent.value
        duration = each.value.duration
        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = each.value.aligner
          cross_series_reducer = each.value.reducer
          group_by_fields      = each.value.group
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${path.module}/../docs/playbooks/${each.key}.md")
  }

  notification_channels = local.channels
}
