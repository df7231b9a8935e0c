-- Heartbeats, once each, with what a sensor lost.
SELECT
  JSON_VALUE(data, '$.alert_id') AS heartbeat_id,
  JSON_VALUE(data, '$.sensor_id') AS sensor_id,
  DATE(publish_time) AS day, -- filter by it: days are partitions
  MIN(publish_time) AS published,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.project')) AS project,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.location')) AS location,
  ANY_VALUE(JSON_VALUE(data, '$.cluster.name')) AS cluster,
  ANY_VALUE(JSON_VALUE(data, '$.node.name')) AS node,
  ANY_VALUE(JSON_VALUE(data, '$.sensor_version')) AS sensor_version,
  ANY_VALUE(JSON_VALUE(data, '$.heartbeat.rule_set_hash')) AS rule_set,
  ANY_VALUE(CAST(JSON_VALUE(data, '$.heartbeat.alerts') AS INT64)) AS alerts,
  ANY_VALUE(data.heartbeat.drops) AS drops
FROM `${table}`
WHERE JSON_VALUE(attributes, '$.kind') = 'heartbeat'
GROUP BY heartbeat_id, sensor_id, day
