variable "project" {
  description = "The project that topics, functions and records are in."
  type        = string
}

variable "region" {
  description = "Where functions and images are."
  type        = string
  default     = "europe-west1"
}

variable "source_zip" {
  description = "The functions' source as scripts/sources writes it."
  type        = string
}

variable "cluster_projects" {
  description = "The projects whose clusters run sensors."
  type        = list(string)
}

variable "scc" {
  description = "The source that infra/scc-source made; \"off\" until then."
  type        = string
  default     = "off"
}

variable "image_pullers" {
  description = "The accounts of nodes in those projects, which pull the sensor's image."
  type        = list(string)
  default     = []
}

variable "on_call" {
  description = "Where CRITICAL alerts are pushed to: an https:// address that checks the token's audience and account."
  type        = string
}

variable "alert_emails" {
  description = "Who is mailed when the pipeline itself is not well."
  type        = list(string)
  default     = []
}
