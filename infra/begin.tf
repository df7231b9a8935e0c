# The scheduled work: a run begins with a list of clusters, of which each worker takes one at a time.
module "begin" {
  source = "./function"
  common = local.function

  name        = "tiercel-begin"
  entry_point = "BeginRun"
  description = "Lists the clusters of a run and gives them to workers."
  timeout     = 300
  failing_for = "60s"
  playbook    = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = var.harden_schedule, zone = var.time_zone }

  topic_roles = {
    work = {
      topic  = google_pubsub_topic.topics["work"].name
      role   = "roles/pubsub.publisher"
      reason = "gives clusters to workers"
    }
  }

  reads = {
    "harden/exceptions.yaml" = "names the checks of the run as they are in force"
    "harden/checks/"         = "names checks of your own"
  }

  writes = {
    "harden/runs/"  = "writes the run's manifest"
    "upgrade/runs/" = "writes the run's manifest"
  }

  cluster_permissions = {
    "container.clusters.list"              = "knows which clusters there are"
    "cloudasset.assets.searchAllResources" = "finds clusters of a scope without asking every project"
  }
}
