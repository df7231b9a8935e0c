# The account in whose name subscriptions and schedules call functions. It may do nothing else.
resource "google_service_account" "invoker" {
  project      = var.project
  account_id   = "tiercel-invoke"
  display_name = "Tiercel: calls its functions"

  depends_on = [google_project_service.apis]
}

# reason: Pub/Sub makes the tokens of its pushes in this account's name. Projects newer than April 2021 grant it for all accounts.
resource "google_service_account_iam_member" "invoker_tokens" {
  service_account_id = google_service_account.invoker.id
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}
