package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// prices are in USD, by what they are of.
type prices map[string]float64

// priced are those that there must be.
var priced = []string{
	"pubsub_tib", "pubsub_bigquery_tib", "run_vcpu_second", "run_gib_second", "run_million_requests", "storage_thousand_a", "storage_thousand_b",
	"bigquery_gib_month", "logging_gib",
}

// readPrices reads lines of key, price, unit and page, parted by tabs. Errors name file and line.
func readPrices(path string) (prices, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := make(prices)
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("%s:%d: %d fields, not key, price, unit and page", path, i+1, len(fields))
		}
		price, err := strconv.ParseFloat(fields[1], 64)
		if err != nil || price < 0 {
			return nil, fmt.Errorf("%s:%d: %s: price %q is none", path, i+1, fields[0], fields[1])
		}
		all[fields[0]] = price
	}
	for _, key := range priced {
		if _, ok := all[key]; !ok {
			return nil, fmt.Errorf("%s: no price of %s", path, key)
		}
	}
	return all, nil
}
