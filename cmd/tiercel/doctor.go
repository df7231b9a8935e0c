package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"
	"google.golang.org/api/option"

	"tiercel.dev/cmd/tiercel/doctor"
	"tiercel.dev/internal/deployed"
	"tiercel.dev/local"
	"tiercel.dev/sensor/command"
)

// doctorFlags say what to look at, and how to say it.
type doctorFlags struct {
	project, local, version string
	clusters                []string
	test, json              bool
}

func doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is deployed and whether it is well",
		Long: `Looks at a deployment: is everything there that infra/ makes, and as it should be; do functions run, do schedules call them, does
anything wait or lie aside, may findings be written, do sensors live. Each line is OK, WARN, FAIL or UNKNOWN, with what was seen and what to
do. What you may not look at is UNKNOWN, with the permission that you lack. It changes nothing, unless --test-finding asks for a finding.

With --cluster it is about a roll-out: every node of these clusters must have a living sensor, all of one version, that of
--sensor-version if it is given.

It uses application default credentials (gcloud auth application-default login), which need what docs/doctor.md lists. With --local it
looks at a running "tiercel up", which prints the address of its functions.

Exit codes: 0 all is well, or worth a look at most; 1 something fails, or a fault of this program or machine; 2 your mistake: a flag
that cannot be used; 3 nothing is known to fail, but not all could be looked at.`,
		Example: `  tiercel doctor --project my-project
  tiercel doctor --project my-project --test-finding
  tiercel doctor --project my-project --cluster my-project/europe-west1/shop --sensor-version v1.4.0
  tiercel doctor --project my-project --json | jq -r '.lines[] | select(.state == "FAIL") | .do'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&f.project, "project", "", "`project` that Tiercel is deployed in")
	cmd.Flags().StringArrayVar(&f.clusters, "cluster", nil, "cluster, `PROJECT/LOCATION/NAME`, all of whose nodes must have a sensor; may be repeated")
	cmd.Flags().StringVar(&f.version, "sensor-version", "", "`version` that the sensors of --cluster must be")
	cmd.Flags().BoolVar(&f.test, "test-finding", false, "write a finding that says it is a test, and set it inactive")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.Flags().StringVar(&f.local, "local", "", "`address` (HOST:PORT) of the functions of a running tiercel up")
	noFiles(cmd, "project", "cluster", "sensor-version", "local")
	return cmd
}

var (
	projectForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]*$`)
	clusterForm = regexp.MustCompile(`^([a-z0-9][a-z0-9.:-]*)/([a-z0-9-]+)/([a-z0-9-]+)$`)
)

// config is what the flags mean.
func (f *doctorFlags) config() (doctor.Config, error) {
	cfg := doctor.Config{Project: f.project, SensorVersion: f.version, TestFinding: f.test}
	if f.local != "" && cfg.Project == "" {
		cfg.Project = local.Project
	}
	switch {
	case cfg.Project == "":
		return cfg, mistake{errors.New("give --project, the one that Tiercel is deployed in, or --local")}
	case !projectForm.MatchString(cfg.Project):
		return cfg, mistake{fmt.Errorf("--project %q is no project's id", cfg.Project)}
	case f.version != "" && len(f.clusters) == 0:
		return cfg, mistake{errors.New("--sensor-version is of the clusters that --cluster names, and there is none")}
	}
	for _, text := range f.clusters {
		parts := clusterForm.FindStringSubmatch(text)
		if parts == nil {
			return cfg, mistake{fmt.Errorf("--cluster %q is not PROJECT/LOCATION/NAME", text)}
		}
		cfg.Clusters = append(cfg.Clusters, doctor.Cluster{Project: parts[1], Location: parts[2], Name: parts[3]})
	}
	cfg.Expected = deployed.Infra(cfg.Project)
	if f.local != "" {
		cfg.Expected = local.Deployed()
	}
	return cfg, nil
}

func (f *doctorFlags) endpoints(ctx context.Context) (e doctor.Endpoints, err error) {
	if f.local == "" {
		return e, nil
	}
	if err := listens(ctx, f.local); err != nil {
		return e, err
	}
	e.GRPC = local.Reach(f.local)
	e.REST = []option.ClientOption{option.WithEndpoint("http://" + f.local), option.WithoutAuthentication()}
	e.Storage = []option.ClientOption{option.WithEndpoint("http://" + f.local + "/storage/v1/"), option.WithoutAuthentication()}
	return e, nil
}

func (f *doctorFlags) run(ctx context.Context, w io.Writer) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	endpoints, err := f.endpoints(ctx)
	if err != nil {
		return err
	}
	cloud, err := doctor.NewCloud(ctx, endpoints)
	if err != nil {
		return err
	}
	defer cloud.Close()
	report, err := doctor.Examine(ctx, cloud, cfg)
	if err != nil {
		return err
	}
	if f.json {
		err = printJSON(w, report)
	} else {
		err = doctorTable(w, report)
	}
	return errors.Join(err, healthy(report))
}

// healthy is the exit code's error.
func healthy(r *doctor.Report) error {
	if n := r.Count(doctor.Fail); n > 0 {
		return fmt.Errorf("not well: %s", counted(n, "failure"))
	}
	if n := r.Count(doctor.Unknown); n > 0 {
		return fmt.Errorf("%w: %s could not be looked at", command.ErrUnseen, counted(n, "thing"))
	}
	return nil
}
