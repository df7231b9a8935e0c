// Scale plays the sensors of a large fleet into the functions on one machine, and prints what it came to and what it would cost.
// scripts/scale runs it; docs/scale.md has its figures.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"

	"tiercel.dev/local/load"
)

type settings struct {
	nodes, clusters int
	beats           int
	capture, prices string
	picture         string
}

func main() {
	var s settings
	flag.IntVar(&s.nodes, "nodes", 15_000, "nodes, each with a sensor")
	flag.IntVar(&s.clusters, "clusters", 15, "clusters that they are in")
	flag.IntVar(&s.beats, "beats", 2, "heartbeats of each sensor, a minute apart and in real time; 0 leaves them out, the look at the fleet, and the costs")
	flag.StringVar(&s.capture, "capture", "cmd/tiercel/bundled.capture", "the `file` that acts are made of")
	flag.StringVar(&s.prices, "prices", "scripts/scale-prices.tsv", "the `file` that says what Google Cloud asks")
	flag.StringVar(&s.picture, "picture", "", "a PNG `file` for the flood, minute by minute")
	flag.Parse()
	debug.SetGCPercent(300)   // thousands of sensors are a large heap
	log.SetOutput(io.Discard) // what net/http says of connections that ended
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// run prints all figures, and fails if one is not as docs/scale.md claims.
func run(ctx context.Context, s settings, out io.Writer) error {
	prices, err := readPrices(s.prices)
	if err != nil {
		return err
	}
	acts, err := load.Read(s.capture)
	if err != nil {
		return err
	}
	w, err := load.New(ctx, load.Config{
		Nodes: s.nodes, Clusters: s.clusters, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}, acts)
	if err != nil {
		return err
	}
	m, err := measure(ctx, w, s)
	if err != nil {
		return err
	}
	if err := m.print(out); err != nil {
		return err
	}
	if s.beats > 0 {
		if err := m.costs(out, prices); err != nil {
			return err
		}
	}
	if s.picture != "" {
		if err := m.draw(s.picture); err != nil {
			return err
		}
	}
	return m.claims(out)
}
