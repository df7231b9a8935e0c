module "propose" {
  source = "./function"
  common = local.function

  name          = "tiercel-propose"
  entry_point   = "ProposeRotation"
  description   = "Makes a rotation due when a credential leaks."
  max_instances = 3
  concurrency   = 20
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  subscriptions = {
    tiercel-leaks = {
      topic  = google_pubsub_topic.topics["alerts"].id
      filter = "attributes.kind = \"alert\" AND (attributes.severity = \"HIGH\" OR attributes.severity = \"CRITICAL\")"
    }
  }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "tells that a rotation is due"
    }
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no alert"
    }
  }

  settings = local.mail
  secrets  = local.mail_secrets

  reads = merge({
    "report/settings.yaml" = "knows who gets mails"
  }, var.rotation_policy == "" ? {} : { (var.rotation_policy) = "knows which rotations are made" })

  writes = {
    "rotate/" = "makes a rotation due"
    "mail/"   = "keeps which mail was sent"
  }
}
