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
  ]
}

resource "google_monitoring_dashboard" "tiercel" {
  project = var.project
  dashboard_json = jsonencode({
    displayName = "Tiercel"
    gridLayout = {
      columns = "2"
      widgets = [for chart in local.charts : {
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
      }]
    }
  })

  depends_on = [google_project_service.apis]
}
