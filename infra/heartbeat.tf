module "heartbeat" {
  source = "./function"
  common = local.function

  name          = "tiercel-heartbeat"
  entry_point   = "RecordHeartbeat"
  description   = "Keeps the latest heartbeat of each sensor."
  max_instances = var.heartbeat_max_instances
  concurrency   = 250 # a heartbeat waits up to five seconds for others
  memory        = "1Gi"
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  subscriptions = {
    tiercel-heartbeats = {
      topic  = google_pubsub_topic.topics["alerts"].id
      filter = "attributes.kind = \"heartbeat\""
    }
  }

  topic_roles = {
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no heartbeat"
    }
  }

  writes = {
    "fleet/beats/" = "keeps the latest heartbeat of each sensor"
  }
}
