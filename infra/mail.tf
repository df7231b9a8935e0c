# The mail server's password. Its value is put in by hand, so that it is in no state and no plan:
#   gcloud secrets versions add tiercel-smtp-password --data-file=-
resource "google_secret_manager_secret" "smtp_password" {
  count     = var.smtp == null ? 0 : 1
  project   = var.project
  secret_id = "tiercel-smtp-password"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.apis]
}

locals {
  # What the functions that mail are told besides. Without a server nothing is mailed, and logs say so.
  mail = var.smtp == null ? {} : { TIERCEL_SMTP = var.smtp.server, TIERCEL_SMTP_USER = var.smtp.user }
  mail_secrets = { for s in google_secret_manager_secret.smtp_password : "TIERCEL_SMTP_PASSWORD" => {
    secret = s.secret_id
    reason = "logs in to the mail server"
  } }
}
