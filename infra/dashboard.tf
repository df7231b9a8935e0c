locals {
  # Each a chart: title, metric with its filter, how points and series become one line each, and by what these are told apart.
  charts = [
    {
      title   = "Messages waiting: age of the oldest (s)"
      filter  = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-.*\") AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_MAX"
      group   = ["resource.label.subscription_id"]
    },
    {
      title   = "Messages put aside"
      filter  = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = monitoring.regex.full_match(\"tiercel-(dead-letter|quarantine)\") AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_MAX"
      group   = ["resource.label.subscription_id"]
    },
    {
      title   = "Published (1/s)"
      filter  = "resource.type = \"pubsub_topic\" AND resource.labels.topic_id = monitoring.regex.full_match(\"tiercel-.*\") AND metric.type = \"pubsub.googleapis.com/topic/send_message_operation_count\""
      aligner = "ALIGN_RATE"
      reducer = "REDUCE_SUM"
      group   = ["resource.label.topic_id"]
    },
    {
      title   = "Answers of functions (1/s)"
      filter  = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = monitoring.regex.full_match(\"tiercel-.*\") AND metric.type = \"run.googleapis.com/request_count\""
      aligner = "ALIGN_RATE"
      reducer = "REDUCE_SUM"
      group   = ["resource.label.service_name", "metric.label.response_code_class"]
    },
    {
      title   = "Time of functions, 99th percentile (ms)"
      filter  = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = monitoring.regex.full_match(\"tiercel-.*\") AND metric.type = \"run.googleapis.com/request_latencies\""
      aligner = "ALIGN_PERCENTILE_99"
      reducer = "REDUCE_MAX"
      group   = ["resource.label.service_name"]
    },
    {
      title   = "Instances of functions"
      filter  = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = monitoring.regex.full_match(\"tiercel-.*\") AND metric.type = \"run.googleapis.com/container/instance_count\""
      aligner = "ALIGN_MAX"
      reducer = "REDUCE_SUM"
      group   = ["resource.label.service_name"]
    },
    {
      title   = "Silent nodes"
      filter  = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.silent_nodes.name}\""
      aligner = "ALIGN_DELTA"
      reducer = "REDUCE_MEAN"
      group   = []
    },
    {
      title   = "Findings waiting for quota (log lines)"
      filter  = "resource.type = \"cloud_run_revision\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.quota.name}\""
      aligner = "ALIGN_DELTA"
      reducer = "REDUCE_SUM"
      group   = []
    },
    {
      title   = "Google's APIs: answers that are errors (1/s)"
      filter  = "resource.type = \"consumed_api\" AND metric.type = \"serviceruntime.googleapis.com/api/request_count\" AND metric.labels.response_code_class != \"2xx\""
      aligner = "ALIGN_RATE"
      reducer = "REDUCE_SUM"
      group   = ["resource.label.service", "metric.label.response_code"]
    },
  ]

  # Charts in PromQL: title, and queries by their legend. Of a distribution, _sum is what was counted, and _sum over _count the mean of
  # what was seen. Sensors' own are here if their clusters have the managed-prometheus overlay, and their project this one's scope.
  tally = "logging_googleapis_com:user_tiercel"
  queries = [
    {
      title = "Requests by result (5 min)"
      lines = { "" = "sum by (function, result) (increase(${local.tally}_requests${local.counted}[5m]))" }
    },
    {
      title = "Put aside, by reason (5 min)"
      lines = { "" = "sum by (function, reason) (increase(${local.tally}_requests{monitored_resource=\"cloud_run_revision\",result=\"poison\"}[5m]))" }
    },
    {
      title = "Findings (5 min)"
      lines = { for what in ["written", "ended", "refused"] : what => "sum by (function) (increase(${local.tally}_findings_${what}_sum${local.counted}[5m]))" }
    },
    {
      title = "Alerts on their way to findings (5 min)"
      lines = { for what in ["written", "aggregated", "muted"] : what => "sum(increase(${local.tally}_alerts_${what}_sum${local.counted}[5m]))" }
    },
    {
      title = "Findings: waiting, and writes left in the minute"
      lines = {
        waiting = "sum(increase(${local.tally}_findings_waiting_sum${local.counted}[5m])) / sum(increase(${local.tally}_findings_waiting_count${local.counted}[5m]))"
        left    = "sum(increase(${local.tally}_budget_writes_left_sum${local.counted}[5m])) / sum(increase(${local.tally}_budget_writes_left_count${local.counted}[5m]))"
      }
    },
    {
      title = "Findings: bytes left in the day"
      lines = { left = "sum(increase(${local.tally}_budget_left_bytes_sum${local.counted}[1h])) / sum(increase(${local.tally}_budget_left_bytes_count${local.counted}[1h]))" }
    },
    {
      title = "Places of alerts (5 min)"
      lines = { for what in ["verified", "unverified"] : what => "sum(increase(${local.tally}_enriched_${what}_sum${local.counted}[5m]))" }
    },
    {
      title = "Hardening verdicts (1 h)"
      lines = { for what in ["fail", "unknown"] : what => "sum(increase(${local.tally}_verdicts_${what}_sum${local.counted}[1h]))" }
    },
    {
      title = "Rotations that are blocked"
      lines = { blocked = "sum(increase(${local.tally}_rotations_blocked_sum${local.counted}[1h])) / sum(increase(${local.tally}_rotations_blocked_count${local.counted}[1h]))" }
    },
    {
      title = "Mails (1 h)"
      lines = { for what in ["sent", "refused"] : what => "sum by (function) (increase(${local.tally}_mails_${what}_sum${local.counted}[1h]))" }
    },
    {
      title = "Sensors: lost, by reason (1/s)"
      lines = { "" = "sum by (reason) (rate(tiercel_sensor_drops_total[5m]))" }
    },
    {
      title = "Sensors: alerts waiting, and age of the oldest that cannot be sent (s)"
      lines = {
        waiting = "sum by (output) (tiercel_sensor_output_waiting)"
        oldest  = "max by (output) (time() - tiercel_sensor_output_oldest_timestamp_seconds)"
      }
    },
  ]
}

resource "google_monitoring_dashboard" "tiercel" {
  project = var.project
  dashboard_json = jsonencode({
    displayName = "Tiercel"
    gridLayout = {
      columns = "2"
      widgets = concat([for chart in local.charts : {
        title = chart.title
        xyChart = {
          dataSets = [{
            plotType = "LINE"
            timeSeriesQuery = {
              timeSeriesFilter = {
                filter = chart.filter
                aggregation = {
                  alignmentPeriod    = "60s"
                  perSeriesAligner   = chart.aligner
                  crossSeriesReducer = chart.reducer
                  groupByFields      = chart.group
                }
              }
            }
          }]
        }
        }], [for chart in local.queries : {
        title = chart.title
        xyChart = {
          dataSets = [for legend, query in chart.lines : {
            plotType        = "LINE"
            legendTemplate  = legend
            timeSeriesQuery = { prometheusQuery = query }
          }]
        }
      }])
    }
  })

  depends_on = [google_project_service.apis, google_logging_metric.requests, google_logging_metric.tally]
}
