package terraform

import (
	"log/slog"
	"maps"
	"slices"
	"testing"

	"tiercel.dev/functions"
)

// Each entry point has one deployment, which gives it the settings that functions read, and no other.
func TestEntryPoints(t *testing.T) {
	read := make(map[string]bool)
	functions.SettingsFrom(func(name string) string { read[name] = true; return "" })
	settings := slices.Sorted(maps.Keys(read))

	var deployed []string
	for _, f := range of(applied(t, "everything"), "google_cloudfunctions2_function") {
		deployed = append(deployed, f.text("build_config.entry_point"))
		given := slices.Collect(maps.Keys(f.at("service_config.environment_variables").AsValueMap()))
		for _, secret := range f.at("service_config.secret_environment_variables").AsValueSlice() {
			given = append(given, secret.GetAttr("key").AsString())
		}
		slices.Sort(given)
		if !slices.Equal(given, settings) {
			t.Errorf("%s has the settings\n%q, functions read\n%q", f.Address, given, settings)
		}
	}
	slices.Sort(deployed)
	handlers := functions.Handlers(nil, functions.Endpoints{}, slog.New(slog.DiscardHandler))
	if want := slices.Sorted(maps.Keys(handlers)); !slices.Equal(deployed, want) {
		t.Errorf("deployed are %q, there are %q", deployed, want)
	}
}

// What infra/ says to functions, they take.
func TestSettingsAreTaken(t *testing.T) {
	for _, name := range []string{"simple", "organization", "everything"} {
		for _, f := range of(applied(t, name), "google_cloudfunctions2_function") {
			env := f.at("service_config.environment_variables").AsValueMap()
			_, err := functions.SettingsFrom(func(name string) string {
				if v, ok := env[name]; ok {
					return v.AsString()
				}
				return ""
			})
			if err != nil {
				t.Errorf("%s: %s: %v", name, f.Address, err)
			}
		}
	}
}
