module "flush" {
  source = "./function"
  common = local.function

  name          = "tiercel-flush"
  entry_point   = "FlushFindings"
  description   = "Writes the findings that waited for the budget, severest first."
  max_instances = local.findings_instances.flush
  timeout       = 300
  memory        = "1Gi"
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = "* * * * *" }

  bucket_roles = {
    records = {
      bucket = google_storage_bucket.records.name
      role   = "roles/storage.objectUser"
      reason = "lists the ledger, and notes what it wrote"
    }
  }
}
