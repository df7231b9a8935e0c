module "report_watch" {
  source = "./function"
  count  = var.smtp == null ? 0 : 1
  common = local.function

  name          = "tiercel-report-watch"
  entry_point   = "CheckReport"
  description   = "Notices a report that did not come."
  max_instances = local.findings_instances.report_watch
  timeout       = 300
  failing_for   = "60s"
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = "7 * * * *" }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "tells that a report did not come"
    }
  }

  settings = local.mail
  secrets  = local.mail_secrets

  reads = {
    "harden/runs/" = "looks whether there was anything to report"
    "report/"      = "looks when the last report was sent"
  }

  writes = {
    "report/missed.json" = "keeps what it told"
    "mail/"              = "keeps which mail was sent"
    "budget/"            = "takes from the write budget"
  }
}
