module "route" {
  source = "./function"
  common = local.function

  name          = "tiercel-route"
  entry_point   = "RouteAlert"
  description   = "Counts alerts and writes findings."
  max_instances = local.findings_instances.route
  concurrency   = 20
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  # HIGH and CRITICAL have a subscription of their own, so that a flood of others is not in front of them.
  subscriptions = {
    tiercel-route = {
      topic  = google_pubsub_topic.topics["alerts"].id
      filter = "attributes.kind = \"alert\" AND NOT (attributes.severity = \"HIGH\" OR attributes.severity = \"CRITICAL\")"
    }
    tiercel-route-urgent = {
      topic  = google_pubsub_topic.topics["alerts"].id
      filter = "attributes.kind = \"alert\" AND (attributes.severity = \"HIGH\" OR attributes.severity = \"CRITICAL\")"
    }
  }

  topic_roles = {
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no alert, and what Security Command Center will never take"
    }
  }

  writes = {
    "ledger/" = "keeps the ledger"
    "budget/" = "takes from the write budget"
  }
}
