// Package scc makes Security Command Center findings of alerts and writes them. What a finding says is decided by pure
// functions ([Finding], [ID], [RepeatMask]); a [Writer] calls the API and tells its errors apart. When to write, and how
// often an alert was counted, functions/route decides.
package scc

//go:generate go run tiercel.dev/internal/scc/gen -o attack_table.go attack.tsv
