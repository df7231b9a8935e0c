variable "common" {
  description = "What all functions are made of alike: see local.function of the module above."
  type = object({
    project          = string
    region           = string
    runtime          = string
    builder          = string
    registry         = string
    source_bucket    = string
    source_object    = string
    records          = string
    environment      = map(string)
    invoker          = string
    dead_letter      = string
    pubsub_agent     = string
    channels         = list(string)
    cluster_projects = list(string)
    network          = object({ network = string, subnetwork = string })
  })
}

variable "name" {
  description = "The function's name."
  type        = string
}

variable "account" {
  description = "Its account's name, where that is not the function's."
  type        = string
  default     = null
}

variable "entry_point" {
  description = "Its name in functions.Handlers."
  type        = string
}

variable "description" {
  description = "What it does, in a sentence."
  type        = string
}

variable "max_instances" {
  description = "How many may run at once."
  type        = number
  default     = 1
}

variable "concurrency" {
  description = "How many requests an instance works on at once."
  type        = number
  default     = 1
}

variable "memory" {
  description = "What an instance has."
  type        = string
  default     = "512Mi"
}

variable "timeout" {
  description = "Seconds that a request may take."
  type        = number
  default     = 60
}

variable "settings" {
  description = "Settings that it has besides those of all functions."
  type        = map(string)
  default     = {}
}

variable "callers" {
  description = "People who call it themselves, over the internet; empty: nobody."
  type        = list(string)
  default     = []
}

variable "secrets" {
  description = "Settings that are secrets: name of the variable to the secret's id, and why it is read."
  type        = map(object({ secret = string, reason = string }))
  default     = {}
}

variable "project_roles" {
  description = "Roles on this project: role to reason."
  type        = map(string)
  default     = {}
}

variable "cluster_permissions" {
  description = "What it may do in the projects of clusters, as a role of its own: permission to reason."
  type        = map(string)
  default     = {}
}

variable "topic_roles" {
  description = "Roles on topics."
  type        = map(object({ topic = string, role = string, reason = string }))
  default     = {}
}

variable "reads" {
  description = "What it reads in the bucket of records: how names begin, to reason. What it writes it reads, too."
  type        = map(string)
  default     = {}
}

variable "writes" {
  description = "What it writes in the bucket of records: how names begin, to reason."
  type        = map(string)
  default     = {}
}

variable "subscriptions" {
  description = "What is pushed to it: name of the subscription to topic and filter."
  type        = map(object({ topic = string, filter = optional(string, "") }))
  default     = {}
}

variable "schedule" {
  description = "When it is called: a cron line and its time zone; null for never."
  type        = object({ cron = string, zone = optional(string, "Etc/UTC"), body = optional(string) })
  default     = null
}

variable "failing_for" {
  description = "How long it must answer 5xx until somebody is told. What is called less often than every five minutes cannot fail for ten."
  type        = string
  default     = "600s"
}

variable "playbook" {
  description = "What to do when it fails, as Markdown."
  type        = string
}
