// Sensor is the node's one binary: it watches the kernel, runs the rules and gets alerts out.
package main

import (
	"os"

	// The image has nothing in it but this binary, so it brings the authorities by which it knows Google's servers. Where a machine has
	// its own, or SSL_CERT_FILE names some, those hold.
	_ "golang.org/x/crypto/x509roots/fallback"

	"tiercel.dev/sensor/command"
)

func main() { os.Exit(command.Execute(command.Root(), os.Args[1:], os.Stdout, os.Stderr)) }
