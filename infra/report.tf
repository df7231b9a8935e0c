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

  reads = {
    "harden/"           = "reads what runs came to"
    "upgrade/"          = "reads which versions clusters have"
    "rotate/"           = "reads how far rotations are"
    "fleet/status.json" = "reads which sensors are silent"
    "report/"           = "reads who gets what, and whether a report was missed"
  }

  writes = {
    "report/history/" = "keeps what a report said"
    "report/state/"   = "keeps what the next one compares with"
    "mail/"           = "keeps which mail was sent"
  }
}
