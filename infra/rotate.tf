module "rotate" {
  source = "./function"
  common = local.function

  name          = "tiercel-rotate"
  entry_point   = "RotateCredentials"
  description   = "Guides rotations of credentials, each call of which a person approves."
  max_instances = local.findings_instances.rotate
  timeout       = 300
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  schedule = { cron = "*/5 * * * *" }

  topic_roles = {
    alerts = {
      topic  = google_pubsub_topic.topics["alerts"].name
      role   = "roles/pubsub.publisher"
      reason = "tells each step of a rotation"
    }
  }

  settings = local.mail
  secrets  = local.mail_secrets

  reads = merge({
    "report/settings.yaml" = "knows who gets mails"
  }, var.rotation_policy == "" ? {} : { (var.rotation_policy) = "knows which rotations it may make" })

  writes = {
    "rotate/"      = "keeps the record of each rotation"
    "rotate-away/" = "keeps the records of clusters that are no more"
    "mail/"        = "keeps which mail was sent"
    "budget/"      = "takes from the write budget"
  }

  # container.clusters.update comes with a policy: without one it says what is due, and could not do it.
  cluster_permissions = merge({
    "container.clusters.get"                    = "reads the authority's certificate and the cluster's state"
    "container.clusters.list"                   = "knows which clusters there are"
    "container.clusters.connect"                = "reaches the cluster's API by its DNS endpoint"
    "container.operations.get"                  = "sees what became of a call"
    "container.operations.list"                 = "sees whether an operation is under way"
    "container.nodes.list"                      = "sees whether nodes were made anew"
    "container.pods.list"                       = "finds what keeps nodes from being recreated"
    "container.podDisruptionBudgets.list"       = "finds what keeps nodes from being recreated"
    "container.serviceAccounts.list"            = "finds static tokens that a rotation ends"
    "container.certificateSigningRequests.list" = "finds certificates that a rotation ends"
    "cloudasset.assets.searchAllResources"      = "finds the projects of a scope"
    "logging.logEntries.list"                   = "finds who started a rotation; without it none is started"
    "logging.privateLogEntries.list"            = "finds who uses static tokens to read: the Data Access log is kept from who lacks it"
    }, var.rotation_policy == "" ? {} : {
    "container.clusters.update" = "starts and completes what people approved"
  })
}
