package doctor

import (
	"context"
	"slices"
	"strings"
	"testing"

	functions "cloud.google.com/go/functions/apiv2"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/cloudfunctions"
	"tiercel.dev/local/loopback"
)

// A cluster that is asked for is well when every node of it has a living sensor of the one version, and not before.
func TestClustersOfARollOut(t *testing.T) {
	there := Cluster{testProject, testRegion, "shop"}
	for name, c := range map[string]struct {
		cluster Cluster
		version string
		change  func(*fleet.ClusterLine)
		state   State
		seen    string
	}{
		"well":                  {there, "v1.4.0", func(*fleet.ClusterLine) {}, OK, "3 of 3 nodes well; sensors 3 v1.4.0"},
		"nobody says which":     {there, "", func(*fleet.ClusterLine) {}, OK, ""},
		"the version of before": {there, "v1.5.0", func(*fleet.ClusterLine) {}, Fail, "3 sensors are v1.4.0, not v1.5.0"},
		"half of them":          {there, "v1.4.0", func(l *fleet.ClusterLine) { l.Versions = map[string]int{"v1.4.0": 2, "v1.3.0": 1} }, Fail, "1 sensors are v1.3.0, not v1.4.0"},
		"two versions":          {there, "", func(l *fleet.ClusterLine) { l.Versions = map[string]int{"v1.4.0": 2, "v1.3.0": 1} }, Fail, "not of one version"},
		"a new node":            {there, "v1.4.0", func(l *fleet.ClusterLine) { l.Well, l.New, l.Versions = 2, 1, map[string]int{"v1.4.0": 2} }, Fail, "of 1 nodes no heartbeat came yet"},
		"no sensor at all":      {there, "v1.4.0", func(l *fleet.ClusterLine) { l.Well, l.New, l.Versions = 0, 3, nil }, Fail, "no sensor lives there"},
		"nodes that nobody sees": {there, "v1.4.0", func(l *fleet.ClusterLine) {
			*l = fleet.ClusterLine{Project: l.Project, Location: l.Location, Name: l.Name, Unknown: "forbidden"}
		}, Fail, "forbidden"},
		"another cluster": {Cluster{testProject, testRegion, "office"}, "", func(*fleet.ClusterLine) {}, Fail, "nobody has looked at it lately"},
	} {
		t.Run(name, func(t *testing.T) {
			w := well(t)
			w.config.Clusters, w.config.SensorVersion = []Cluster{c.cluster}, c.version
			w.fleet(func(s *fleet.Status) { c.change(&s.Clusters[0]) })
			for _, l := range w.examine().Lines {
				switch {
				case l.Area == "sensors" && l.Name == c.cluster.String():
					if l.State != c.state || !strings.Contains(l.Seen, c.seen) {
						t.Errorf("%+v", l)
					}
				case l.State != OK:
					t.Errorf("%+v", l)
				}
			}
		})
	}
}

// What the deployment's setting says counts where nobody names a version; who names one overrides it.
func TestVersionOfTheSettings(t *testing.T) {
	w := well(t)
	w.setting("TIERCEL_SENSOR_VERSION", "v2.0.0")
	w.config.Clusters = []Cluster{{testProject, testRegion, "shop"}}
	if got := w.examine().Count(Fail); got != 1 {
		t.Errorf("%d failures", got)
	}
	w.config.SensorVersion = "v1.4.0"
	if got := w.examine().Count(Fail); got != 0 {
		t.Errorf("%d failures", got)
	}
}

// Without an organization nothing of Security Command Center is asked for.
func TestSourceOff(t *testing.T) {
	w := well(t)
	w.setting("TIERCEL_SCC_SOURCE", "off")
	for _, p := range []Permission{getSource, sourcePolicy, updateFindings} {
		w.may[viewer] = slices.DeleteFunc(w.may[viewer], func(name string) bool { return name == p.Name })
	}
	for _, l := range w.examine().not(OK) {
		t.Error(l)
	}
}

// Without a mail server there is neither its secret nor what reports.
func TestWithoutMail(t *testing.T) {
	w := well(t)
	delete(w.settings, "TIERCEL_SMTP")
	w.settings["TIERCEL_MAX_INSTANCES"] = "7"
	plain := cloudfunctions.New(caller.Gate{Permissions: w.may})
	for _, f := range w.config.Expected.Functions {
		if f.Needs == deployed.Mail {
			delete(w.admin.Jobs, f.Name)
			continue
		}
		f.Secrets = nil
		plain.Put(w.admin.Function(f))
	}
	w.functions(plain)
	for _, l := range w.examine().not(OK) {
		t.Error(l)
	}
}

// functions has another server say which there are.
func (w *world) functions(s *cloudfunctions.Server) {
	w.t.Helper()
	client, err := functions.NewFunctionClient(w.t.Context(), append(loopback.Serve(w.t, s), option.WithGRPCDialOption(grpc.WithUnaryInterceptor(asViewer)))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { client.Close() })
	w.cloud.deployments = client
}

func TestTestFinding(t *testing.T) {
	w := well(t)
	w.examine()
	if all := w.scc.Findings(); len(all) != 0 {
		t.Errorf("nobody asked for %v", all)
	}
	w.config.TestFinding = true
	for range 2 {
		if bad := w.examine().not(OK); len(bad) > 0 {
			t.Error(bad)
		}
	}
	all := w.scc.Findings()
	if len(all) != 1 || all[0].State != pb.Finding_INACTIVE || all[0].Category != "Test of Tiercel" || !strings.HasPrefix(all[0].Name, testSource+"/locations/eu/findings/") {
		t.Errorf("%v", all)
	}
}

// An API that is off is named, with the command that switches it on; and where no function can be seen nobody knows where the rest is.
func TestNoFunctionsAPI(t *testing.T) {
	off, err := status.New(codes.PermissionDenied, "Cloud Functions API has not been used in project 11 before or it is disabled.").WithDetails(
		&errdetails.ErrorInfo{Reason: "SERVICE_DISABLED", Domain: "googleapis.com", Metadata: map[string]string{"service": "cloudfunctions.googleapis.com"}})
	if err != nil {
		t.Fatal(err)
	}
	w := well(t)
	w.functions(cloudfunctions.New(caller.Gate{Before: func(context.Context, string, string) error { return off.Err() }}))
	r := w.examine()
	if l := r.Lines[0]; l.State != Unknown || l.Permission != "" || l.Do != "gcloud services enable cloudfunctions.googleapis.com --project p-1" {
		t.Errorf("%+v", l)
	}
	for _, l := range r.Lines {
		if slices.Contains([]string{"schedules", "images", "findings", "secrets"}, l.Area) && l.State != Unknown {
			t.Errorf("%+v", l)
		}
	}
	if r.Count(Fail) > 0 {
		t.Errorf("%q", r.not(OK))
	}
}

// In a project without Tiercel everything fails, and nothing is called well.
func TestNothingDeployed(t *testing.T) {
	w := well(t)
	w.functions(cloudfunctions.New(caller.Gate{}))
	missing := 0
	for _, l := range w.examine().Lines {
		if l.Area == "functions" && l.State == Fail {
			missing++
		}
		if l.Area == "functions" && l.State == OK {
			t.Errorf("%+v", l)
		}
	}
	if missing < 10 {
		t.Errorf("%d functions are missing", missing)
	}
}
