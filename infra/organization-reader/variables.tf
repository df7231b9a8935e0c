variable "organization" {
  description = "The organization's number."
  type        = string
}

variable "readers" {
  description = "The functions that find and read clusters: tiercel-begin@ and tiercel-audit@ of the deployment's project."
  type        = list(string)

  validation {
    condition     = alltrue([for r in var.readers : startswith(r, "serviceAccount:")])
    error_message = "A reader is a service account: serviceAccount:…"
  }
}
