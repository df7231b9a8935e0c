variable "project" {
  description = "The id of the project that topics, functions and records are in."
  type        = string
}

variable "region" {
  description = "Where functions, schedules, images and, if nothing else is said, data are."
  type        = string
}

variable "cluster_projects" {
  description = "The projects whose clusters run sensors. Alerts of clusters elsewhere are never verified."
  type        = list(string)

  validation {
    condition     = length(var.cluster_projects) > 0
    error_message = "cluster_projects names no project, so no sensor could publish and no alert could be verified."
  }
}

variable "source_zip" {
  description = "The functions' source as scripts/sources writes it."
  type        = string
}

variable "scc" {
  description = "Where findings go: organizations/O/sources/S as infra/scc-source makes it, with /locations/L behind it where data must stay in a place; \"off\" where there is no organization."
  type        = string
  default     = "off"

  validation {
    condition     = var.scc == "off" || can(regex("^organizations/[0-9]+/sources/[0-9]+(/locations/[a-z0-9-]+)?$", var.scc))
    error_message = "scc is neither \"off\" nor organizations/O/sources/S or organizations/O/sources/S/locations/L."
  }
}

variable "network" {
  description = "The network and the subnetwork of the region, as projects/P/global/networks/N and projects/P/regions/R/subnetworks/S, through which functions reach control planes that have no DNS endpoint; null: over the internet. In another project Cloud Run's service agent needs roles/compute.networkUser on the subnetwork."
  type        = object({ network = string, subnetwork = string })
  default     = null
}

variable "bucket_location" {
  description = "Where records are kept; default: the region."
  type        = string
  default     = null
}

variable "dataset_location" {
  description = "Where the archive of alerts is kept; default: the region."
  type        = string
  default     = null
}

variable "message_regions" {
  description = "The regions that may hold messages, wherever they are published; empty: Pub/Sub chooses the nearest to the publisher."
  type        = list(string)
  default     = []
}

variable "archive_days" {
  description = "How many days the archive keeps alerts."
  type        = number
  default     = 400
}

variable "archive_heartbeats" {
  description = "Whether the archive keeps heartbeats, too, by which queries tell what a sensor lost and when it was silent. With thousands of nodes they are most of what the archive costs. Another value makes the archive's subscription anew, without what waits in it."
  type        = bool
  default     = true
}

variable "where_list" {
  description = "The object in the bucket of records that mutes and re-rates alerts; empty for none."
  type        = string
  default     = "where.yaml"

  validation {
    condition     = var.where_list == "" || endswith(var.where_list, ".yaml")
    error_message = "What people write ends with .yaml: functions may write the others."
  }
}

variable "daemonset" {
  description = "The sensor's DaemonSet, NAMESPACE/NAME."
  type        = string
  default     = "tiercel/tiercel-sensor"
}

variable "sensor_account" {
  description = "The sensor's Kubernetes service account, NAMESPACE/NAME, which may publish to the raw topic."
  type        = string
  default     = "tiercel/tiercel-sensor"
}

variable "image_pullers" {
  description = "The accounts of nodes in other projects, which pull the sensor's image: serviceAccount:…"
  type        = list(string)
  default     = []
}

variable "rule_set" {
  description = "The hash of the rules that all sensors should have; empty: what most of a cluster's have."
  type        = string
  default     = ""
}

variable "sensor_version" {
  description = "The version that all sensors should have; empty: the newest that there is."
  type        = string
  default     = ""
}

variable "route_max_instances" {
  description = "Instances of the function that routes alerts."
  type        = number
  default     = 5
}

variable "enrich_max_instances" {
  description = "Instances of the function that enriches alerts."
  type        = number
  default     = 20
}

variable "heartbeat_max_instances" {
  description = "Instances of the function that keeps heartbeats; more than five would get in each other's way, since an object takes one write a second."
  type        = number
  default     = 5
}

variable "harden_max_instances" {
  description = "Instances of the function that checks hardening, each of which takes a cluster at a time."
  type        = number
  default     = 10
}

variable "harden_schedule" {
  description = "When clusters are checked, as cron writes it."
  type        = string
  default     = "0 5 * * *"
}

variable "time_zone" {
  description = "The time zone of schedules."
  type        = string
  default     = "Etc/UTC"
}

variable "scopes" {
  description = "Where scheduled work finds clusters: projects/P, folders/N, organizations/N; empty: in cluster_projects. Folders and organizations want infra/organization-reader."
  type        = list(string)
  default     = []
}

variable "smtp" {
  description = "The mail server, HOST or HOST:PORT, and the name to log in by; null: no mail. Its password goes into the secret tiercel-smtp-password, before the functions that read it can start: see docs/deploy.md."
  type        = object({ server = string, user = string })
  default     = null
}

variable "upgrade_policy" {
  description = "The object in the bucket of records that says what Tiercel may do about versions, a name with .yaml at its end; empty: it says what is due, and may not do it."
  type        = string
  default     = ""

  validation {
    condition     = var.upgrade_policy == "" || endswith(var.upgrade_policy, ".yaml")
    error_message = "What people write ends with .yaml: functions may write the others."
  }
}

variable "rotation_policy" {
  description = "The object in the bucket of records that says which rotations Tiercel may make, a name with .yaml at its end; empty: it says what is due, and may not do it."
  type        = string
  default     = ""

  validation {
    condition     = var.rotation_policy == "" || endswith(var.rotation_policy, ".yaml")
    error_message = "What people write ends with .yaml: functions may write the others."
  }
}

variable "count_tokens" {
  description = "Whether static tokens in clusters are counted, by an account that may list secrets there; scripts/bootstrap --count-tokens grants that. Without it their number is unknown."
  type        = bool
  default     = false
}

variable "rotation_approvers" {
  description = "Who may call the function that takes approvals: user:…, group:… or serviceAccount:… that a person impersonates; what they may approve, the policy says."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for a in var.rotation_approvers : can(regex("^(user|group|serviceAccount):.+@.+$", a))])
    error_message = "An approver is user:…, group:… or serviceAccount:…"
  }
}

variable "runtime" {
  description = "The functions' runtime."
  type        = string
  default     = "go126"
}

variable "alert_emails" {
  description = "Who is mailed when the pipeline itself is not well."
  type        = list(string)
  default     = []
}

variable "notification_channels" {
  description = "Notification channels of Cloud Monitoring that are told as well: projects/P/notificationChannels/N."
  type        = list(string)
  default     = []
}

variable "subscribers" {
  description = "Who reads alerts: members that may, a filter over attributes, and where to push to (none: they pull), unwrapped or not. See docs/subscribe.md."
  type = map(object({
    members   = optional(list(string), [])
    filter    = optional(string, "attributes.kind = \"alert\"")
    push      = optional(string)
    audience  = optional(string)
    unwrapped = optional(bool, false)
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.subscribers) : can(regex("^[a-z][a-z0-9-]{0,40}$", name))])
    error_message = "A subscriber's name is lower case letters, digits and hyphens, and begins with a letter."
  }

  validation {
    condition     = alltrue([for s in values(var.subscribers) : s.push == null ? length(s.members) > 0 : startswith(s.push, "https://")])
    error_message = "A subscriber either has members, who pull, or an https:// address to push to."
  }
}
