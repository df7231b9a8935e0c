module "fleet" {
  source = "./function"
  common = local.function

  name          = "tiercel-fleet"
  entry_point   = "CheckFleet"
  description   = "Compares the nodes that there are with the sensors that live."
  max_instances = local.findings_instances.fleet
  timeout       = 300
  memory        = "1Gi"
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = "* * * * *" }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "publishes alerts about the fleet"
    }
  }

  reads = {
    "fleet/beats/" = "reads what sensors said"
  }

  writes = {
    "fleet/status.json" = "keeps what it told"
    "budget/"           = "takes from the write budget"
  }

  cluster_permissions = {
    "container.clusters.list"    = "knows which clusters there are"
    "container.clusters.connect" = "reaches a cluster's API by its DNS endpoint"
    "container.nodes.list"       = "knows which nodes there are"
    "container.daemonSets.get"   = "reads what the sensor's DaemonSet tolerates"
  }
}
