// Command gen writes what infra/ makes for those who look after a deployment: see package deployed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"tiercel.dev/internal/terraform"
)

func main() {
	infra := flag.String("infra", "infra", "`folder` of the configuration")
	schema := flag.String("schema", "google.json", "`file` with the provider's schema")
	out := flag.String("o", "deployed.json", "`file` to write")
	flag.Parse()
	if err := write(*infra, *schema, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(infra, schema, out string) error {
	s, err := terraform.ReadSchema(schema)
	if err != nil {
		return err
	}
	d, err := terraform.Deployed(infra, s)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(d, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(data, '\n'), 0o644)
}
