//go:build tools

// Package tools pins the OpenTofu that formats infra/ here and applies it in Cloud Build, built from its own module so that the
// project's dependencies stay the sensor's.
package tools

import _ "github.com/opentofu/opentofu/cmd/tofu"
