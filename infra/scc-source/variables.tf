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
