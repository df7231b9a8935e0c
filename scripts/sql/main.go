// Sql has BigQuery's own analyzer read the archive's views and sample queries: syntax, names of columns and functions, types, what may
// stand beside GROUP BY. It runs nothing.
//
//	go run . ../../infra/queries
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-googlesql"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "sql:", err)
		os.Exit(1)
	}
}

// column is one of a table, as BigQuery's schemas have it.
type column struct{ Name, Type string }

func run(dir string) error {
	if err := googlesql.Init(); err != nil {
		return err
	}
	a, err := newAnalyzer()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "messages.json"))
	if err != nil {
		return err
	}
	var messages []column
	if err := json.Unmarshal(text, &messages); err != nil {
		return fmt.Errorf("messages.json: %w", err)
	}
	if err := a.table("PROJECT.tiercel.messages", messages); err != nil {
		return err
	}
	for _, view := range []string{"alerts", "heartbeats"} {
		text, err := os.ReadFile(filepath.Join(dir, view+".sql"))
		if err != nil {
			return err
		}
		columns, err := a.query(strings.ReplaceAll(string(text), "${table}", "PROJECT.tiercel.messages"))
		if err != nil {
			return fmt.Errorf("%s.sql: %w", view, err)
		}
		fmt.Printf("%s.sql:", view)
		for _, c := range columns {
			fmt.Printf(" %s %s", c.Name, c.Type)
		}
		fmt.Println()
		if err := a.table("PROJECT.tiercel."+view, columns); err != nil {
			return err
		}
	}
	text, err = os.ReadFile(filepath.Join(dir, "samples.sql"))
	if err != nil {
		return err
	}
	var queries strings.Builder // without comments, in which semicolons may stand
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "--") {
			queries.WriteString(line)
		}
	}
	all := strings.Split(strings.TrimSpace(queries.String()), ";")
	for n, q := range all[:len(all)-1] {
		columns, err := a.query(q)
		if err != nil {
			return fmt.Errorf("samples.sql, query %d: %w\n%s", n+1, err, q)
		}
		fmt.Printf("samples.sql, query %d: %d columns\n", n+1, len(columns))
	}
	return nil
}
