//go:build tools

// Package tools pins ko, which makes the sensor's image without a Docker daemon.
package tools

import _ "github.com/google/ko"
