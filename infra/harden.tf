module "harden" {
  source = "./function"
  common = local.function

  name          = "tiercel-harden"
  account       = "tiercel-audit" # whom infra/kubernetes/audit.yaml names
  entry_point   = "CheckHardening"
  description   = "Checks the hardening of one cluster at a time."
  max_instances = local.findings_instances.harden
  timeout       = 540
  memory        = "1Gi"
  playbook      = file("${path.module}/../docs/playbooks/function-fails.md")

  subscriptions = {
    tiercel-harden = {
      topic  = google_pubsub_topic.topics["work"].id
      filter = "attributes.work = \"harden\""
    }
  }

  topic_roles = {
    quarantine = {
      topic  = google_pubsub_topic.topics["quarantine"].name
      role   = "roles/pubsub.publisher"
      reason = "puts aside what is no work"
    }
  }

  reads = {
    "harden/exceptions.yaml" = "knows what is excepted"
    "harden/checks/"         = "knows checks of your own"
  }

  writes = {
    "harden/runs/" = "keeps what a run came to"
    "harden/open/" = "keeps which findings are open"
    "budget/"      = "takes from the write budget"
  }

  # Without one of these the checks that need it are UNKNOWN, and those alone. No secret, no log, no exec, nothing that changes.
  cluster_permissions = {
    "container.clusters.get"                         = "reads the cluster's settings, and its authority's certificate"
    "container.clusters.list"                        = "knows which clusters there are"
    "container.clusters.connect"                     = "reaches the cluster's API by its DNS endpoint"
    "container.operations.get"                       = "sees what an operation under way is"
    "container.operations.list"                      = "sees whether an operation is under way"
    "container.namespaces.list"                      = "Pod Security levels, and what policies cover"
    "container.nodes.list"                           = "age and version of nodes"
    "container.pods.list"                            = "what runs with which rights"
    "container.services.list"                        = "what is open to the outside"
    "container.ingresses.list"                       = "what is open to the outside"
    "container.serviceAccounts.list"                 = "token mounts, and static tokens that they name"
    "container.roles.list"                           = "who may what in a namespace"
    "container.roleBindings.list"                    = "who may what in a namespace"
    "container.clusterRoles.list"                    = "who may what in the cluster"
    "container.clusterRoleBindings.list"             = "who may what in the cluster"
    "container.networkPolicies.list"                 = "which pods no policy covers"
    "container.podDisruptionBudgets.list"            = "what keeps nodes from being recreated"
    "container.mutatingWebhookConfigurations.list"   = "which webhooks stand in the way of requests"
    "container.validatingWebhookConfigurations.list" = "which webhooks stand in the way of requests"
    "container.certificateSigningRequests.list"      = "certificates that a rotation would end"
    "container.storageClasses.list"                  = "whether disks have a key of one's own"
    "resourcemanager.projects.get"                   = "the folders and the organization above the project"
    "resourcemanager.projects.getIamPolicy"          = "who may what by IAM, which counts in clusters too"
    "iam.roles.get"                                  = "what a custom role allows"
    "iam.serviceAccounts.getIamPolicy"               = "who may act as the accounts of nodes and workloads"
    "iam.serviceAccountKeys.list"                    = "keys of those accounts that somebody made"
    "cloudasset.assets.searchAllIamPolicies"         = "who may what on anything in the project"
    "recommender.containerDiagnosisInsights.list"    = "what GKE itself found"
    "recommender.iamPolicyRecommendations.list"      = "roles that nobody uses"
  }
}
