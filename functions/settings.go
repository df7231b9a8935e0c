package functions

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Settings are what the functions read from their environment.
type Settings struct {
	Project         string // TIERCEL_PROJECT: whose Pub/Sub it is
	AlertsTopic     string // TIERCEL_ALERTS_TOPIC: projects/P/topics/T, for what is enriched
	QuarantineTopic string // TIERCEL_QUARANTINE_TOPIC: projects/P/topics/T, for messages that will never succeed
	Bucket          string // TIERCEL_BUCKET: where functions keep their records
	// TIERCEL_SCC_SOURCE: organizations/O/sources/S, with /locations/L behind it where data must stay in a place; "off"
	// where there is no organization.
	Source string
	// TIERCEL_MAX_INSTANCES: of all functions that write findings together, since they share a quota. Default 1.
	MaxInstances int
	// TIERCEL_CLUSTER_PROJECTS: those whose clusters run sensors, parted by commas. Default: TIERCEL_PROJECT.
	ClusterProjects []string
	// TIERCEL_POLICY: the object in the bucket that holds the where list. Nothing is muted without.
	Policy string
	// TIERCEL_DAEMONSET: the sensor's, NAMESPACE/NAME. Default: tiercel/tiercel-sensor.
	DaemonSet string
	// TIERCEL_RULE_SET and TIERCEL_SENSOR_VERSION: what all sensors should have. Default: what most of a cluster's have, and the
	// newest that there is.
	RuleSet, SensorVersion string
	// TIERCEL_SCOPES: where the scheduled functions find clusters: projects/P, folders/N, organizations/N, parted by commas. Default:
	// the projects of TIERCEL_CLUSTER_PROJECTS.
	Scopes []string
	// TIERCEL_WORK_TOPIC: projects/P/topics/T, by which BeginRun gives clusters to workers. It alone needs it.
	WorkTopic string
	// TIERCEL_UPGRADE_POLICY and TIERCEL_ROTATION_POLICY: the objects in the bucket that say what Tiercel may do to clusters. Without
	// them it says what is to be done, and does nothing.
	UpgradePolicy, RotationPolicy string
	// TIERCEL_ACCOUNT: the e-mail address of the service account of RotateCredentials, by which it knows its own calls in audit logs.
	Account string
	// TIERCEL_TOKENS_ACCOUNT: the e-mail address of the account that may list secrets in clusters (infra/kubernetes/tokens.yaml), as
	// whom the functions that count static tokens may act. Without it their number is not known.
	TokensAccount string
	// TIERCEL_APPROVE_URL: the address of ApproveRotation, https://…, for which people's tokens are made out. It alone needs it.
	ApproveURL string
	// TIERCEL_SMTP: the mail server, HOST or HOST:PORT, default port 587; TIERCEL_SMTP_USER and TIERCEL_SMTP_PASSWORD, the latter
	// from Secret Manager. Without a server nothing is mailed.
	SMTP, SMTPUser, SMTPPassword string
}

// SettingsFrom reads the environment. The error names each variable that is missing or wrong.
func SettingsFrom(getenv func(string) string) (Settings, error) {
	s := Settings{MaxInstances: 1}
	var errs []error
	for _, v := range []struct {
		name string
		to   *string
		form string // what it must begin with
	}{
		{"TIERCEL_PROJECT", &s.Project, ""},
		{"TIERCEL_ALERTS_TOPIC", &s.AlertsTopic, "projects/"},
		{"TIERCEL_QUARANTINE_TOPIC", &s.QuarantineTopic, "projects/"},
		{"TIERCEL_BUCKET", &s.Bucket, ""},
		{"TIERCEL_SCC_SOURCE", &s.Source, ""},
	} {
		*v.to = getenv(v.name)
		if *v.to == "" {
			errs = append(errs, fmt.Errorf("%s is not set", v.name))
		} else if !strings.HasPrefix(*v.to, v.form) {
			errs = append(errs, fmt.Errorf("%s is %q and does not begin with %s", v.name, *v.to, v.form))
		}
	}
	if s.Source != "" && s.Source != sourceOff && !strings.HasPrefix(s.Source, "organizations/") {
		errs = append(errs, fmt.Errorf("TIERCEL_SCC_SOURCE is %q, neither organizations/O/sources/S nor off", s.Source))
	}
	if text := getenv("TIERCEL_MAX_INSTANCES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			errs = append(errs, fmt.Errorf("TIERCEL_MAX_INSTANCES is %q, not a positive number", text))
		}
		s.MaxInstances = n
	}
	s.Policy = getenv("TIERCEL_POLICY")
	s.ClusterProjects = list(getenv("TIERCEL_CLUSTER_PROJECTS"))
	if len(s.ClusterProjects) == 0 {
		s.ClusterProjects = []string{s.Project}
	}
	if s.DaemonSet = getenv("TIERCEL_DAEMONSET"); s.DaemonSet == "" {
		s.DaemonSet = defaultDaemonSet
	} else if namespace, name, ok := strings.Cut(s.DaemonSet, "/"); !ok || namespace == "" || name == "" {
		errs = append(errs, fmt.Errorf("TIERCEL_DAEMONSET is %q, not NAMESPACE/NAME", s.DaemonSet))
	}
	s.RuleSet, s.SensorVersion = getenv("TIERCEL_RULE_SET"), getenv("TIERCEL_SENSOR_VERSION")
	errs = append(errs, s.scheduled(getenv))
	return s, errors.Join(errs...)
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// scheduled reads what the scheduled functions alone need.
func (s *Settings) scheduled(getenv func(string) string) error {
	var errs []error
	s.Scopes = list(getenv("TIERCEL_SCOPES"))
	for _, scope := range s.Scopes {
		if !IsScope(scope) {
			errs = append(errs, fmt.Errorf("TIERCEL_SCOPES has %q, none of projects/P, folders/N, organizations/N", scope))
		}
	}
	if len(s.Scopes) == 0 {
		for _, p := range s.ClusterProjects {
			s.Scopes = append(s.Scopes, "projects/"+p)
		}
	}
	if s.WorkTopic = getenv("TIERCEL_WORK_TOPIC"); s.WorkTopic != "" && !strings.HasPrefix(s.WorkTopic, "projects/") {
		errs = append(errs, fmt.Errorf("TIERCEL_WORK_TOPIC is %q and does not begin with projects/", s.WorkTopic))
	}
	s.UpgradePolicy, s.RotationPolicy, s.Account = getenv("TIERCEL_UPGRADE_POLICY"), getenv("TIERCEL_ROTATION_POLICY"), getenv("TIERCEL_ACCOUNT")
	s.TokensAccount = getenv("TIERCEL_TOKENS_ACCOUNT")
	if s.ApproveURL = getenv("TIERCEL_APPROVE_URL"); s.ApproveURL != "" && !strings.HasPrefix(s.ApproveURL, "https://") {
		errs = append(errs, fmt.Errorf("TIERCEL_APPROVE_URL is %q and does not begin with https://", s.ApproveURL))
	}
	s.SMTP, s.SMTPUser, s.SMTPPassword = getenv("TIERCEL_SMTP"), getenv("TIERCEL_SMTP_USER"), getenv("TIERCEL_SMTP_PASSWORD")
	if !serverForm.MatchString(s.SMTP) {
		errs = append(errs, fmt.Errorf("TIERCEL_SMTP is %q, not HOST or HOST:PORT", s.SMTP))
	}
	if s.SMTP != "" && (s.SMTPUser == "" || s.SMTPPassword == "") {
		errs = append(errs, errors.New("TIERCEL_SMTP is set, and TIERCEL_SMTP_USER or TIERCEL_SMTP_PASSWORD is not"))
	}
	return errors.Join(errs...)
}

var serverForm = regexp.MustCompile(`^([A-Za-z0-9.-]+(:[0-9]{1,5})?)?$`)

// IsScope reports whether a text says where clusters are to be found: projects/P, folders/N, organizations/N.
func IsScope(text string) bool { return scopeForm.MatchString(text) }

var scopeForm = regexp.MustCompile(`^(projects/[a-z0-9][a-z0-9.:-]*|folders/[0-9]+|organizations/[0-9]+)$`)

const (
	sourceOff        = "off"
	defaultDaemonSet = "tiercel/tiercel-sensor"
)
