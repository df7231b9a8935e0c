module "approve" {
  source = "./function"
  common = local.function

  name        = "tiercel-approve"
  entry_point = "ApproveRotation"
  description = "Takes the approvals of people."
  playbook    = file("${path.module}/../docs/playbooks/function-fails.md")

  # People call it, each with a token in his own name: who is no approver is turned away before it runs, and what an approval is good
  # for, the policy says.
  callers = var.rotation_approvers

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "tells who approved what"
    }
  }

  settings = local.mail
  secrets  = local.mail_secrets

  reads = merge({
    "report/settings.yaml" = "knows who gets mails"
  }, var.rotation_policy == "" ? {} : { (var.rotation_policy) = "knows who may approve what" })

  writes = {
    "rotate/" = "writes the approval into the record of the rotation"
    "mail/"   = "keeps which mail was sent"
  }
}
