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
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for s in local.findings_services : "\"${s}\""])}) AND (jsonPayload.message=\"quota\" OR jsonPayload.message:\"bytes of findings are used up\" OR jsonPayload.message:\"wait for the next minute's budget\")"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

# Without a mail server there is no report to miss.
resource "google_logging_metric" "missed_report" {
  for_each    = toset([for m in module.report_watch : m.service])
  project     = var.project
  name        = "tiercel/missed_report"
  description = "Looks for a report that found it missing."
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=\"${each.value}\" AND jsonPayload.message=\"report checked\" AND jsonPayload.missed=true"

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

locals {
  channels = concat(var.notification_channels, [for c in google_monitoring_notification_channel.mail : c.name])

  # Each has a page of docs/playbooks. above is a threshold that must not be passed for so long.
  alerts = {
    backlog = {
      title    = "messages wait"
      filter   = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-(enrich|route|route-urgent|heartbeats|harden|upgrade|notices|leaks|archive|to-.*)\") AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      above    = 600
      duration = "300s"
    }
    dead-letters = {
      title    = "messages are put aside"
      filter   = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-(dead-letter|quarantine)\") AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      above    = 0
      duration = "60s"
    }
  }

  # What logs count is asked for in PromQL, whose policies may be made before the metric has its first point: others are refused
  # until ten minutes after the metric was made, so that a first apply would fail. Of a distribution, _sum over _count is the mean,
  # without the guess within a bucket that a percentile is (of nothing but zeros it is not zero).
  counted = "{monitored_resource=\"cloud_run_revision\"}"
  counts = merge({
    quota = {
      title    = "findings wait for quota"
      query    = "sum(increase(logging_googleapis_com:user_tiercel_quota${local.counted}[5m])) > 0"
      duration = "900s"
    }
    silent-nodes = {
      title    = "nodes are silent"
      query    = "sum(increase(logging_googleapis_com:user_tiercel_silent_nodes_sum${local.counted}[5m])) / sum(increase(logging_googleapis_com:user_tiercel_silent_nodes_count${local.counted}[5m])) > 0"
      duration = "600s"
    }
    unwatched = {
      title    = "nobody looks after the fleet"
      query    = "absent_over_time(logging_googleapis_com:user_tiercel_silent_nodes_count${local.counted}[15m])"
      duration = "900s" # a new deployment has so long for its first check
    }
    # More than a few: a node that has just gone, or a pod of it, is no longer to be found.
    unverified = {
      title    = "alerts come from places that do not exist"
      query    = "sum(increase(logging_googleapis_com:user_tiercel_enriched_unverified_sum${local.counted}[15m])) > (sum(increase(logging_googleapis_com:user_tiercel_enriched_verified_sum${local.counted}[15m])) or vector(0))"
      duration = "900s"
    }
    findings-refused = {
      title    = "findings are refused"
      query    = "sum(increase(logging_googleapis_com:user_tiercel_findings_refused_sum${local.counted}[15m])) > 0"
      duration = "0s"
    }
    }, var.smtp == null ? {} : {
    tiercel_report_missed = {
      title    = "a report did not come"
      query    = "sum(increase(logging_googleapis_com:user_tiercel_missed_report${local.counted}[2h])) > 0"
      duration = "0s"
    }
  })
}

resource "google_monitoring_alert_policy" "pipeline" {
  for_each     = local.alerts
  project      = var.project
  display_name = "Tiercel: ${each.value.title}"
  combiner     = "OR"
  severity     = "ERROR"

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter                  = each.value.filter
      comparison              = "COMPARISON_GT"
      threshold_value         = each.value.above
      duration                = each.value.duration
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.labels.subscription_id"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${path.module}/../docs/playbooks/${each.key}.md")
  }

  notification_channels = local.channels
}

resource "google_monitoring_alert_policy" "counted" {
  for_each     = local.counts
  project      = var.project
  display_name = "Tiercel: ${each.value.title}"
  combiner     = "OR"
  severity     = "ERROR"

  conditions {
    display_name = each.value.title

    condition_prometheus_query_language {
      query                     = each.value.query
      duration                  = each.value.duration
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = file("${path.module}/../docs/playbooks/${each.key}.md")
  }

  notification_channels = local.channels

  depends_on = [google_logging_metric.silent_nodes, google_logging_metric.quota, google_logging_metric.missed_report, google_logging_metric.tally]
}
