resource "google_monitoring_alert_policy" "failing" {
  project      = var.common.project
  display_name = "Tiercel: ${var.entry_point} fails"
  combiner     = "OR"
  severity     = "ERROR"

  conditions {
    display_name = "answers of 5xx"
    condition_threshold {
      filter          = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${google_cloudfunctions2_function.this.name}\" AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = var.failing_for

      # No answers of 5xx are no points at all, and the end of the trouble.
      evaluation_missing_data = "EVALUATION_MISSING_DATA_INACTIVE"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = var.playbook
  }

  notification_channels = var.common.channels
}
