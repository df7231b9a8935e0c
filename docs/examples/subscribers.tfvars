subscribers = {
  # Pulls: what is severe, of two clusters.
  desk = {
    members = ["serviceAccount:desk@PROJECT.iam.gserviceaccount.com"]
    filter  = "(attributes.severity = \"HIGH\" OR attributes.severity = \"CRITICAL\") AND (attributes.cluster = \"shop\" OR attributes.cluster = \"pay\")"
  }
  # Is pushed to, with Pub/Sub's wrapper: every alert that nobody has muted.
  chat = {
    push     = "https://alerts.example.com/tiercel"
    audience = "https://alerts.example.com"
    filter   = "attributes.kind = \"alert\" AND NOT attributes:muted"
  }
  # Is pushed the alert itself, its attributes in headers: for what knows nothing of Pub/Sub.
  siem = {
    push      = "https://collector.example.com/ingest"
    unwrapped = true
  }
}
