module "notice" {
  source = "./function"
  common = local.function

  name          = "tiercel-notice"
  entry_point   = "TakeClusterNotice"
  description   = "Takes what GKE tells of upgrades and bulletins."
  max_instances = local.findings_instances.notice
  timeout       = 540
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  subscriptions = {
    tiercel-notices = { topic = google_pubsub_topic.topics["notices"].id }
  }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "tells what is due and what was done"
    }
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no work and no notice"
    }
  }

  settings = local.mail
  secrets  = local.mail_secrets

  reads = merge({
    "report/settings.yaml" = "knows who gets mails"
  }, var.upgrade_policy == "" ? {} : { (var.upgrade_policy) = "knows what it may upgrade" })

  writes = {
    "upgrade/" = "keeps what is known of a cluster's versions"
    "mail/"    = "keeps which mail was sent"
    "budget/"  = "takes from the write budget"
  }

  # container.clusters.update comes with a policy: without one it says what is to be done, and could not do it.
  cluster_permissions = merge({
    "container.clusters.get"    = "reads versions, channels and windows"
    "container.clusters.list"   = "finds the cluster that a notice is about"
    "container.operations.get"  = "sees what became of an upgrade"
    "container.operations.list" = "sees whether an operation is under way"
    }, var.upgrade_policy == "" ? {} : {
    "container.clusters.update" = "upgrades what the policy allows"
  })
}

# reason: GKE itself publishes the notices of this project's clusters.
resource "google_pubsub_topic_iam_member" "notices" {
  project = var.project
  topic   = google_pubsub_topic.topics["notices"].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:service-${data.google_project.this.number}@container-engine-robot.iam.gserviceaccount.com"
}
