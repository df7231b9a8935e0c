// Package posture is what the scheduled functions say of clusters, and what they tell each other: verdicts of hardening checks,
// upgrades that are due, rotations under way, deadlines. Its JSON is what they keep in Cloud Storage, what the report attaches,
// and what commands print. It decides nothing.
package posture
