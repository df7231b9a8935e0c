// Command pictures takes the README's pictures of a real run of `tiercel up`: it starts one on a terminal, acts on the host and
// in a pod, and has a browser show the page and what stands on the terminal. scripts/pictures builds what it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// patience bounds all of it: a browser on a busy machine takes its time.
const patience = 5 * time.Minute

func main() {
	tiercel := flag.String("tiercel", "", "the program")
	containerd := flag.String("containerd", "", "folder of containerd's programs")
	dir := flag.String("to", "docs/pictures", "folder of the pictures")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := take(ctx, *tiercel, *containerd, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "pictures:", err)
		os.Exit(1)
	}
}

func take(ctx context.Context, tiercel, containerd, dir string) (err error) {
	r, err := start(ctx, tiercel)
	if err != nil {
		return err
	}
	defer r.end()
	act, err := newActs(ctx, containerd)
	if err != nil {
		return err
	}
	defer act.end()
	if err := act.all(ctx, r); err != nil {
		return err
	}
	ctx, done := browser(ctx)
	defer done()
	for _, v := range views {
		if err := v.take(ctx, r.page, filepath.Join(dir, v.name+".png")); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	written, err := r.written()
	if err != nil {
		return err
	}
	if err := takeTerminal(ctx, written, filepath.Join(dir, "terminal.png")); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}
