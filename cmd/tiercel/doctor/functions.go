package doctor

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	pb "cloud.google.com/go/functions/apiv2/functionspb"
	"google.golang.org/api/iterator"

	"tiercel.dev/internal/deployed"
)

// A function is one that is deployed.
type function struct{ *pb.Function }

func (f function) region() string {
	parts := strings.Split(f.GetName(), "/") // projects/P/locations/L/functions/F
	if len(parts) != 6 {
		return ""
	}
	return parts[3]
}

func (f function) runtime() string { return f.GetBuildConfig().GetRuntime() }

// settings are what functions were told, by which the rest of the deployment is found.
type settings struct {
	region, bucket, source, sensorVersion string
	mail                                  bool
	// policies are the objects that say what rotations and upgrades may do, by the setting that names each.
	policies map[string]string
}

// redeploy is no command: who deploys again with another root than before takes away what that made.
const redeploy = "deploy again, as you did: docs/deploy.md"

func (p *patient) examineFunctions(ctx context.Context) []Line {
	p.settings.bucket = p.Expected.Buckets.Records
	all, err := p.listFunctions(ctx)
	if err != nil {
		return []Line{p.unseen("functions", listFunctions, err)}
	}
	p.functions = all
	p.settings = p.read()
	var lines []Line
	stages, err := p.runtimes(ctx)
	if err != nil {
		lines = append(lines, p.unseen("runtimes", listRuntimes, err))
	}
	expected := make(map[string]bool)
	for _, want := range p.Expected.Functions {
		expected[want.Name] = true
		if p.wanted(want.Needs) {
			lines = append(lines, judgeFunction(want, all[want.Name], stages, p.Project))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "tiercel-") && !expected[name] {
			lines = append(lines, Line{Name: name, State: Warn, Seen: "is not of this version of Tiercel", Do: redeploy})
		}
	}
	if len(all) > 0 {
		lines = append(lines, p.judgeBudget())
	}
	return lines
}

// wanted reports whether the deployment has what something needs.
func (p *patient) wanted(n deployed.Need) bool {
	return n == "" || n == deployed.Mail && p.settings.mail
}

func (p *patient) listFunctions(ctx context.Context) (map[string]function, error) {
	all := make(map[string]function)
	list := p.deployments.ListFunctions(ctx, &pb.ListFunctionsRequest{Parent: "projects/" + p.Project + "/locations/-"})
	for {
		f, err := list.Next()
		if err == iterator.Done {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all[f.Name[strings.LastIndexByte(f.Name, '/')+1:]] = function{f}
	}
}

// runtimes are the stages of those that there are where the functions are.
func (p *patient) runtimes(ctx context.Context) (map[string]*pb.ListRuntimesResponse_Runtime, error) {
	stages := make(map[string]*pb.ListRuntimesResponse_Runtime)
	if p.settings.region == "" {
		return stages, nil
	}
	answer, err := p.deployments.ListRuntimes(ctx, &pb.ListRuntimesRequest{Parent: "projects/" + p.Project + "/locations/" + p.settings.region})
	if err != nil {
		return nil, err
	}
	for _, r := range answer.Runtimes {
		if r.Environment != pb.Environment_GEN_1 {
			stages[r.Name] = r
		}
	}
	return stages, nil
}

// read takes the settings from the first expected function that is there; [judgeBudget] sees whether the others agree.
func (p *patient) read() settings {
	s := settings{bucket: p.Expected.Buckets.Records, policies: make(map[string]string)}
	for _, want := range p.Expected.Functions {
		f, ok := p.functions[want.Name]
		if !ok {
			continue
		}
		env := f.GetServiceConfig().GetEnvironmentVariables()
		s.region = cmp.Or(s.region, f.region())
		s.source = cmp.Or(s.source, env["TIERCEL_SCC_SOURCE"])
		s.sensorVersion = cmp.Or(s.sensorVersion, env["TIERCEL_SENSOR_VERSION"])
		s.bucket = cmp.Or(env["TIERCEL_BUCKET"], s.bucket)
		s.mail = s.mail || env["TIERCEL_SMTP"] != ""
		for _, name := range []string{"TIERCEL_ROTATION_POLICY", "TIERCEL_UPGRADE_POLICY"} {
			if env[name] != "" {
				s.policies[name] = env[name]
			}
		}
	}
	return s
}

// judgeFunction compares one with what it is to be. stages are nil where they are not known.
func judgeFunction(want deployed.Function, f function, stages map[string]*pb.ListRuntimesResponse_Runtime, project string) Line {
	if f.Function == nil {
		return Line{Name: want.Name, State: Fail, Seen: "is not there", Do: redeploy}
	}
	service := f.GetServiceConfig()
	l := Line{Name: want.Name, State: OK, Seen: fmt.Sprintf("%s, %s, instances: %d at most", f.GetState(), f.runtime(), service.GetMaxInstanceCount())}
	log := fmt.Sprintf("gcloud functions describe %s --region %s --project %s", want.Name, f.region(), project)
	switch f.GetState() {
	case pb.Function_ACTIVE:
	case pb.Function_DEPLOYING:
		l.worse(Warn, "it is being deployed", "look again in some minutes")
	default:
		l.worse(Fail, "it does not run", log)
	}
	for _, m := range f.GetStateMessages() {
		switch m.GetSeverity() {
		case pb.StateMessage_ERROR:
			l.worse(Fail, m.GetType()+": "+m.GetMessage(), log)
		case pb.StateMessage_WARNING:
			l.worse(Warn, m.GetType()+": "+m.GetMessage(), log)
		}
	}
	if account := service.GetServiceAccountEmail(); account != want.Account {
		l.worse(Fail, fmt.Sprintf("runs as %s, not as its own account %s", account, want.Account), redeploy)
	}
	if entry := f.GetBuildConfig().GetEntryPoint(); entry != want.EntryPoint {
		l.worse(Fail, fmt.Sprintf("its entry point is %s, not %s", entry, want.EntryPoint), redeploy)
	}
	if service.GetMaxInstanceCount() == 0 {
		l.worse(Fail, "its instances are not bounded", redeploy)
	}
	if f.GetEnvironment() == pb.Environment_GEN_1 {
		l.worse(Warn, "it is of the first generation of Cloud Functions", redeploy)
	}
	judgeRuntime(&l, f, stages)
	return l
}

func judgeRuntime(l *Line, f function, stages map[string]*pb.ListRuntimesResponse_Runtime) {
	r := stages[f.runtime()]
	move := "set the variable runtime of infra/ to a newer one, and deploy"
	switch {
	case stages == nil:
	case r == nil:
		l.worse(Warn, f.runtime()+" is no runtime that is offered any more", move)
	case r.GetStage() == pb.ListRuntimesResponse_DECOMMISSIONED:
		l.worse(Fail, f.runtime()+" is decommissioned: it can be deployed no more", move)
	case r.GetStage() == pb.ListRuntimesResponse_DEPRECATED:
		l.worse(Warn, join(f.runtime()+" is deprecated", strings.Join(r.GetWarnings(), " ")), move)
	}
}

// judgeBudget looks whether those that write findings divide their quota by as many as may run.
func (p *patient) judgeBudget() Line {
	may, said := 0, make(map[string][]string)
	for _, want := range p.Expected.Functions {
		f, ok := p.functions[want.Name]
		if !ok {
			continue
		}
		if want.Findings {
			may += int(f.GetServiceConfig().GetMaxInstanceCount())
		}
		n := f.GetServiceConfig().GetEnvironmentVariables()["TIERCEL_MAX_INSTANCES"]
		said[n] = append(said[n], want.Name)
	}
	l := Line{Name: "write budget", State: OK, Seen: fmt.Sprintf("instances that may write findings, and divide their quota: %d", may)}
	if len(said) > 1 {
		l.worse(Warn, fmt.Sprintf("functions do not agree on TIERCEL_MAX_INSTANCES: %q; not all were deployed", slices.Sorted(maps.Keys(said))), redeploy)
	}
	for text := range said {
		switch n, err := strconv.Atoi(text); {
		case err != nil:
			l.worse(Fail, fmt.Sprintf("TIERCEL_MAX_INSTANCES is %q", text), redeploy)
		case n < may:
			l.worse(Fail, fmt.Sprintf("it is divided by %d, and %d instances may write: the quota will be exceeded", n, may), redeploy)
		case n > may:
			l.worse(Warn, fmt.Sprintf("it is divided by %d, and only %d instances may write", n, may), redeploy)
		}
	}
	return l
}
