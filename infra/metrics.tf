# What functions count (docs/metrics.md). Nobody can scrape an instance of a function, so each request ends with a line that has what
# was counted, and metrics are made of it: docs/decisions/0013-metrics.md. They are made of lines that an exclusion keeps out of the
# log's storage, too.
locals {
  served = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=~\"^tiercel-\" AND jsonPayload.message=\"request served\""

  # Each by the way to it in the line.
  tallies = {
    findings_written    = { path = "findings.written", unit = "1", description = "Findings written." }
    findings_ended      = { path = "findings.ended", unit = "1", description = "Findings set inactive." }
    findings_refused    = { path = "findings.refused", unit = "1", description = "Findings that Security Command Center refused." }
    findings_waiting    = { path = "findings_waiting", unit = "1", description = "Findings that a flush left for the next minute." }
    budget_writes_left  = { path = "budget_writes_left", unit = "1", description = "Writes of findings left in the minute's budget." }
    budget_left_bytes   = { path = "budget_left_bytes", unit = "By", description = "Bytes of findings left in the day's budget." }
    alerts_written      = { path = "alerts.written", unit = "1", description = "Alerts whose finding was written." }
    alerts_aggregated   = { path = "alerts.aggregated", unit = "1", description = "Alerts counted into a finding that says it later." }
    alerts_muted        = { path = "alerts.muted", unit = "1", description = "Alerts muted by the where list." }
    enriched_verified   = { path = "enriched.verified", unit = "1", description = "Messages whose cluster and node exist." }
    enriched_unverified = { path = "enriched.unverified", unit = "1", description = "Messages whose place does not exist, or could not be looked up." }
    verdicts_fail       = { path = "verdicts.FAIL", unit = "1", description = "Hardening checks that a cluster failed." }
    verdicts_unknown    = { path = "verdicts.UNKNOWN", unit = "1", description = "Hardening checks that could not be decided." }
    rotations_blocked   = { path = "rotations.BLOCKED", unit = "1", description = "Clusters whose rotation of credentials cannot go on." }
    mails_sent          = { path = "mails.sent", unit = "1", description = "Mails that the server took." }
    mails_refused       = { path = "mails.refused", unit = "1", description = "Mails that the server did not take." }
  }
}

resource "google_logging_metric" "requests" {
  project     = var.project
  name        = "tiercel/requests"
  description = "Requests that functions served, by what came of them."
  filter      = local.served
  label_extractors = {
    function = "EXTRACT(jsonPayload.function)"
    result   = "EXTRACT(jsonPayload.result)"
    reason   = "EXTRACT(jsonPayload.reason)"
  }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"

    labels {
      key         = "function"
      description = "The entry point."
    }
    labels {
      key         = "result"
      description = "done, poison, quota, failed or refused."
    }
    labels {
      key         = "reason"
      description = "Why a message was put aside."
    }
  }
}

resource "google_logging_metric" "tally" {
  for_each         = local.tallies
  project          = var.project
  name             = "tiercel/${each.key}"
  description      = each.value.description
  filter           = "${local.served} AND jsonPayload.counts.${each.value.path}>=0"
  value_extractor  = "EXTRACT(jsonPayload.counts.${each.value.path})"
  label_extractors = { function = "EXTRACT(jsonPayload.function)" }

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "DISTRIBUTION"
    unit        = each.value.unit

    labels {
      key         = "function"
      description = "The entry point."
    }
  }
}
