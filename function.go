// Package tiercel registers the Cloud Functions with Google's framework. It is the source that a deployment uploads, once
// for each entry point; the handlers are made in package functions.
package tiercel

import (
	"log/slog"
	"os"

	_ "github.com/GoogleCloudPlatform/functions-framework-go/funcframework" // what the buildpack's main serves with
	framework "github.com/GoogleCloudPlatform/functions-framework-go/functions"

	"tiercel.dev/functions"
)

func init() {
	settings := func() (functions.Settings, error) { return functions.SettingsFrom(os.Getenv) }
	for name, handler := range functions.Handlers(settings, functions.Endpoints{}, slog.New(functions.LogHandler(os.Stderr))) {
		framework.HTTP(name, handler.ServeHTTP)
	}
}
