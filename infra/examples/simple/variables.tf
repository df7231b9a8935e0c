variable "project" {
  description = "The project."
  type        = string
}

variable "region" {
  description = "Where it all is."
  type        = string
}

variable "source_zip" {
  description = "The functions' source as scripts/sources writes it."
  type        = string
}

variable "alert_emails" {
  description = "Who is mailed when the pipeline itself is not well."
  type        = list(string)
  default     = []
}
