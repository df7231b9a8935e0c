# Without a mail server there is no report to send, and none to miss.
module "report" {
  source = "./function"
  count  = var.smtp == null ? 0 : 1
  common = local.function

  name        = "tiercel-report"
  entry_point = "SendReport"
  description = "Mails the reports that are due."
  timeout     = 300
  memory      = "1Gi"
  failing_for = "60s"
  playbook    = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = "*/10 * * * *" }

  settings = local.mail
  secrets  = local.mail_secrets

  bucket_roles = {
    records = {
      bucket = google_storage_bucket.records.name
      role   = "roles/storage.objectUser"
      reason = "reads what runs came to, and keeps which mail was sent"
    }
  }
}
