-- Questions that the archive answers. PROJECT is yours; each query stands alone.

-- What fired in the last day, and where most?
SELECT rule, severity, SUM(events) AS events, COUNT(DISTINCT cluster) AS clusters, ANY_VALUE(output) AS example
FROM `PROJECT.tiercel.alerts`
WHERE day >= CURRENT_DATE() - 1 AND NOT muted
GROUP BY rule, severity
ORDER BY events DESC;

-- What happened on one node within an hour?
SELECT time, severity, rule, namespace, pod, output
FROM `PROJECT.tiercel.alerts`
WHERE node = 'NODE' AND day = '2026-01-01' AND time BETWEEN TIMESTAMP('2026-01-01 12:00') AND TIMESTAMP('2026-01-01 13:00')
ORDER BY time;

-- Which rules would a mute of this namespace have hidden in a month?
SELECT rule, severity, SUM(events) AS events
FROM `PROJECT.tiercel.alerts`
WHERE namespace = 'NAMESPACE' AND day >= CURRENT_DATE() - 30
GROUP BY rule, severity
ORDER BY events DESC;

-- Who publishes what could not be verified?
SELECT project, cluster, node, COUNT(*) AS alerts, ANY_VALUE(JSON_VALUE(alert, '$.enrichment.verification_reason')) AS reason
FROM `PROJECT.tiercel.alerts`
WHERE verification = 'UNVERIFIED' AND day >= CURRENT_DATE() - 7
GROUP BY project, cluster, node
ORDER BY alerts DESC;

-- Which sensors lost events today, and why?
SELECT cluster, node, MAX(published) AS last, ANY_VALUE(drops HAVING MAX published) AS drops
FROM `PROJECT.tiercel.heartbeats`
WHERE day = CURRENT_DATE() AND drops IS NOT NULL
GROUP BY cluster, node;

-- What is new since a consumer last read? It keeps the alert_ids of its last hour, and LAST is the latest published among them.
SELECT alert_id, published, severity, rule, cluster, namespace, output
FROM `PROJECT.tiercel.alerts`
WHERE day >= DATE(TIMESTAMP('LAST')) - 1 AND published > TIMESTAMP_SUB(TIMESTAMP('LAST'), INTERVAL 1 HOUR)
ORDER BY published;
