data "google_project" "this" {
  project_id = var.project
}

data "google_project" "clusters" {
  for_each   = toset(var.cluster_projects)
  project_id = each.value
}

locals {
  # Google's own account, by which Pub/Sub acts in this project.
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  bucket_location  = coalesce(var.bucket_location, var.region)
  dataset_location = coalesce(var.dataset_location, var.region)

  # The functions that write findings share a quota; each keeps to an even share of all that may run at once where it cannot read what
  # the others have taken.
  findings_instances = {
    route  = var.route_max_instances
    flush  = 1
    fleet  = 1
    harden = var.harden_max_instances

    upgrade      = 5
    notice       = 1
    rotate       = 1
    report_watch = var.smtp == null ? 0 : 1
  }

  # What functions.SettingsFrom reads, but the mail server: every function gets all of it, so that none can lack what it needs.
  settings = {
    TIERCEL_PROJECT          = var.project
    TIERCEL_ALERTS_TOPIC     = "projects/${var.project}/topics/${local.topics.alerts.name}"
    TIERCEL_QUARANTINE_TOPIC = "projects/${var.project}/topics/${local.topics.quarantine.name}"
    TIERCEL_BUCKET           = google_storage_bucket.records.name
    TIERCEL_SCC_SOURCE       = var.scc
    TIERCEL_MAX_INSTANCES    = tostring(sum(values(local.findings_instances)))
    TIERCEL_CLUSTER_PROJECTS = join(",", var.cluster_projects)
    TIERCEL_SCOPES           = join(",", var.scopes)
    TIERCEL_WORK_TOPIC       = "projects/${var.project}/topics/${local.topics.work.name}"
    TIERCEL_UPGRADE_POLICY   = var.upgrade_policy
    TIERCEL_ROTATION_POLICY  = var.rotation_policy
    TIERCEL_ACCOUNT          = "tiercel-rotate@${var.project}.iam.gserviceaccount.com"
    TIERCEL_TOKENS_ACCOUNT   = var.count_tokens ? "tiercel-tokens@${var.project}.iam.gserviceaccount.com" : ""
    TIERCEL_APPROVE_URL      = "https://tiercel-approve-${data.google_project.this.number}.${var.region}.run.app"
    TIERCEL_POLICY           = var.where_list
    TIERCEL_DAEMONSET        = var.daemonset
    TIERCEL_RULE_SET         = var.rule_set
    TIERCEL_SENSOR_VERSION   = var.sensor_version
  }

  # What every function is made of alike.
  function = {
    project          = google_project_service.apis["iam.googleapis.com"].project # so that accounts wait for the API
    region           = var.region
    runtime          = var.runtime
    builder          = local.builder
    registry         = google_artifact_registry_repository.images.id
    source_bucket    = google_storage_bucket.sources.name
    source_object    = google_storage_bucket_object.functions.name
    records          = google_storage_bucket.records.name
    environment      = local.settings
    invoker          = google_service_account.invoker.email
    dead_letter      = google_pubsub_topic.topics["dead_letter"].id
    pubsub_agent     = local.pubsub_agent
    channels         = local.channels
    cluster_projects = var.cluster_projects
    network          = var.network
  }
}

locals {
  functions = merge({
    enrich    = module.enrich
    route     = module.route
    flush     = module.flush
    heartbeat = module.heartbeat
    fleet     = module.fleet
    begin     = module.begin
    harden    = module.harden
    upgrade   = module.upgrade
    notice    = module.notice
    rotate    = module.rotate
    approve   = module.approve
    propose   = module.propose
    },
    { for m in module.report : "report" => m },
    { for m in module.report_watch : "report_watch" => m },
  )

  # The functions of findings_instances: whoever writes findings shares the quota.
  findings_writers  = [for name, f in local.functions : f.member if contains(keys(local.findings_instances), name)]
  findings_services = [for name, f in local.functions : f.service if contains(keys(local.findings_instances), name)]
}
