variable "organization" {
  description = "The organization's number."
  type        = string
}

variable "display_name" {
  description = "The source's name, which no other of the organization has."
  type        = string
  default     = "Tiercel"
}

variable "writers" {
  description = "The output findings_writers of the deployment."
  type        = list(string)

  validation {
    condition     = alltrue([for w in var.writers : startswith(w, "serviceAccount:")])
    error_message = "A writer is a service account: serviceAccount:…"
  }
}

variable "readers" {
  description = "Who runs tiercel doctor: tiercel-build@ of the deployment's project, and people, as user:… or group:…"
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for r in var.readers : can(regex("^(user|group|serviceAccount):.+@.+$", r))])
    error_message = "A reader is user:…, group:… or serviceAccount:…"
  }
}
