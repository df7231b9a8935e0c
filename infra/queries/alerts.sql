-- Alerts, once each however often they were delivered, with what is asked for most in columns of its own.
SELECT
  JSON_VALUE(data, '$.alert_id') AS alert_id,
  JSON_VALUE(data, '$.identity') AS identity,
  DATE(publish_time) AS day, -- filter by it: days are partitions
  MIN(publish_time) AS published,
  ANY_VALUE(TIMESTAMP(JSON_VALUE(data, '$.time'))) AS time,
  ANY_VALUE(JSON_VALUE(data, '$.severity')) AS severity,
  ANY_VALUE(JSON_VALUE(data, '$.rule.name')) AS rule,
  ANY_VALUE(JSON_VALUE(data, '$.output')) AS output,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.project')) AS project,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.location')) AS location,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.name')) AS cluster,
  ANY_VALUE(JSON_VALUE(data, '$.node.name')) AS node,
  ANY_VALUE(JSON_VALUE(data, '$.pod.namespace')) AS namespace,
  ANY_VALUE(JSON_VALUE(data, '$.pod.name')) AS pod,
  ANY_VALUE(JSON_VALUE(data, '$.container.image_repository')) AS image,
  ANY_VALUE(JSON_VALUE(data, '$.enrichment.verification')) AS verification,
  ANY_VALUE(COALESCE(LAX_BOOL(data.enrichment.policy.muted), FALSE)) AS muted,
  1 + ANY_VALUE(COALESCE(CAST(JSON_VALUE(data, '$.suppressed.count') AS INT64), 0)) AS events,
  ANY_VALUE(data) AS alert
FROM `${table}`
WHERE JSON_VALUE(attributes, '$.kind') = 'alert'
GROUP BY alert_id, identity, day
