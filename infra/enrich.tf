module "enrich" {
  source = "./function"
  common = local.function

  name          = "tiercel-enrich"
  entry_point   = "EnrichAlert"
  description   = "Verifies what sensors publish and adds what the cluster knows."
  max_instances = var.enrich_max_instances
  concurrency   = 40
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  subscriptions = {
    tiercel-enrich = { topic = google_pubsub_topic.topics["raw"].id }
  }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "publishes what it enriched"
    }
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no alert"
    }
  }

  reads = var.where_list == "" ? {} : { (var.where_list) = "reads the where list" }

  cluster_permissions = {
    "container.clusters.list"    = "finds the alert's cluster in its project's list"
    "container.clusters.connect" = "reaches the cluster's API by its DNS endpoint"
    "container.nodes.get"        = "verifies that the node exists"
    "container.pods.get"         = "verifies the pod, and finds its owners"
    "container.services.list"    = "finds the services that select the pod"
    "container.replicaSets.get"  = "finds a pod's Deployment"
    "container.deployments.get"  = "finds a pod's owner"
    "container.statefulSets.get" = "finds a pod's owner"
    "container.daemonSets.get"   = "finds a pod's owner"
    "container.jobs.get"         = "finds a pod's CronJob"
    "container.cronJobs.get"     = "finds a pod's owner"
  }
}
