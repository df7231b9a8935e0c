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

  writes = {
    "ledger/" = "notes what it wrote, and forgets what is old"
    "budget/" = "takes from the write budget"
  }
}
