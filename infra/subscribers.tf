# Those who read alerts. A filter is kept for good: another is another subscriber.
resource "google_pubsub_subscription" "subscribers" {
  for_each = var.subscribers
  project  = var.project
  name     = "tiercel-to-${each.key}"
  topic    = google_pubsub_topic.topics["alerts"].id
  filter   = each.value.filter

  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  dynamic "push_config" {
    for_each = each.value.push == null ? [] : [each.value.push]
    content {
      push_endpoint = push_config.value

      oidc_token {
        service_account_email = google_service_account.subscribers[0].email
        audience              = coalesce(each.value.audience, push_config.value)
      }

      dynamic "no_wrapper" {
        for_each = each.value.unwrapped ? ["alert"] : []
        content {
          write_metadata = true
        }
      }
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.topics["dead_letter"].id
    max_delivery_attempts = 50
  }
}

# The account that subscribers know pushes by: not the one that may call functions.
resource "google_service_account" "subscribers" {
  count        = anytrue([for s in values(var.subscribers) : s.push != null]) ? 1 : 0
  project      = var.project
  account_id   = "tiercel-push"
  display_name = "Tiercel: pushes alerts to subscribers"
}

# reason: Pub/Sub makes the tokens of its pushes in this account's name.
resource "google_service_account_iam_member" "subscriber_tokens" {
  count              = length(google_service_account.subscribers)
  service_account_id = google_service_account.subscribers[0].id
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

locals {
  # Of each subscriber each member, by a name that stays the same when others come.
  readers = merge([for name, s in var.subscribers : { for member in s.members : "${name} ${member}" => { name = name, member = member } }]...)
}

# reason: a subscriber takes messages from the subscription that is its own.
resource "google_pubsub_subscription_iam_member" "readers" {
  for_each     = local.readers
  project      = var.project
  subscription = google_pubsub_subscription.subscribers[each.value.name].name
  role         = "roles/pubsub.subscriber"
  member       = each.value.member
}

# reason: Pub/Sub takes a message out of the subscription when it moves it to the dead letters.
resource "google_pubsub_subscription_iam_member" "subscriber_dead_letter" {
  for_each     = google_pubsub_subscription.subscribers
  project      = var.project
  subscription = each.value.name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
