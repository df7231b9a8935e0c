package terraform

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"tiercel.dev/functions"
)

// mailing are the functions that mail, and so read the server's password; no other does.
var mailing = []string{"ApproveRotation", "CheckReport", "CheckUpgrades", "ProposeRotation", "RotateCredentials", "SendReport", "TakeClusterNotice"}

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
		want := settings
		if !slices.Contains(mailing, f.text("build_config.entry_point")) {
			want = slices.DeleteFunc(slices.Clone(settings), func(name string) bool { return strings.HasPrefix(name, "TIERCEL_SMTP") })
		}
		if !slices.Equal(given, want) {
			t.Errorf("%s has the settings\n%q, functions read\n%q", f.Address, given, want)
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
				for _, s := range f.at("service_config.secret_environment_variables").AsValueSlice() {
					if s.GetAttr("key").AsString() == name {
						return "secret"
					}
				}
				return ""
			})
			if err != nil {
				t.Errorf("%s: %s: %v", name, f.Address, err)
			}
		}
	}
}
