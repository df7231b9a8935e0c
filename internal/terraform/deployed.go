package terraform

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"tiercel.dev/internal/deployed"
)

// Deployed is what the configuration in a folder makes of a project, in the order of names. It has variables of infra/.
func Deployed(dir string, schema *Schema) (deployed.Deployment, error) {
	variables := map[string]cty.Value{
		"project": cty.StringVal(deployed.Project), "region": cty.StringVal("REGION"), "source_zip": cty.StringVal(dir + "/versions.tf"),
		"cluster_projects": cty.ListVal([]cty.Value{cty.StringVal(deployed.Project)}),
		"rotation_policy":  cty.StringVal(deployed.RotationPolicy), "upgrade_policy": cty.StringVal(deployed.UpgradePolicy),
	}
	plain, _, err := Plan(dir, schema, variables, named)
	if err != nil {
		return deployed.Deployment{}, err
	}
	variables["smtp"] = cty.ObjectVal(map[string]cty.Value{"server": cty.StringVal("mail.example.org"), "user": cty.StringVal("tiercel")})
	all, outputs, err := Plan(dir, schema, variables, named)
	if err != nil {
		return deployed.Deployment{}, err
	}
	needs := make(map[string]deployed.Need)
	for _, i := range all {
		if !slices.ContainsFunc(plain, func(o Instance) bool { return o.Address == i.Address }) {
			needs[i.Address] = deployed.Mail
		}
	}
	d := deployed.Deployment{Functions: functionsOf(all, outputs, needs)}
	for _, i := range of(all, "google_project_service") {
		d.APIs = append(d.APIs, i.text("service"))
	}
	for _, i := range of(all, "google_pubsub_topic") {
		d.Topics = append(d.Topics, deployed.Topic{Name: i.text("name"), Schema: i.text("schema_settings.schema")})
	}
	if d.Subscriptions, err = subscriptionsOf(all, needs); err != nil {
		return d, err
	}
	for _, i := range of(all, "google_storage_bucket") {
		into := map[string]*string{"google_storage_bucket.records": &d.Buckets.Records, "google_storage_bucket.sources": &d.Buckets.Sources}[i.Address]
		if into == nil {
			return d, fmt.Errorf("%s: %s is a bucket of which nobody says what it is for", i.Range, i.Address)
		}
		*into = i.text("name")
	}
	for _, i := range of(all, "google_artifact_registry_repository") {
		d.Repository = i.text("repository_id")
	}
	slices.Sort(d.APIs)
	slices.SortFunc(d.Topics, func(a, b deployed.Topic) int { return cmp.Compare(a.Name, b.Name) })
	return d, nil
}

func functionsOf(all []Instance, outputs map[string]cty.Value, needs map[string]deployed.Need) (functions []deployed.Function) {
	crons := make(map[string]string)
	for _, i := range of(all, "google_cloud_scheduler_job") {
		crons[i.text("http_target.uri")] = i.text("schedule")
	}
	for _, i := range of(all, "google_cloudfunctions2_function") {
		f := deployed.Function{
			Name: i.text("name"), EntryPoint: i.text("build_config.entry_point"), Account: i.text("service_config.service_account_email"),
			Cron: crons[uri(i)], Needs: needs[i.Address],
		}
		for _, s := range i.at("service_config.secret_environment_variables").AsValueSlice() {
			f.Secrets = append(f.Secrets, s.GetAttr("secret").AsString())
		}
		f.Findings = slices.ContainsFunc(outputs["findings_writers"].AsValueSlice(), func(v cty.Value) bool { return v.AsString() == "serviceAccount:"+f.Account })
		records := outputs["records"].GetAttr(f.Name)
		f.Reads, f.Writes = textsOf(records.GetAttr("reads")), textsOf(records.GetAttr("writes"))
		functions = append(functions, f)
	}
	slices.SortFunc(functions, func(a, b deployed.Function) int { return cmp.Compare(a.Name, b.Name) })
	return functions
}

func textsOf(list cty.Value) (texts []string) {
	for _, v := range list.AsValueSlice() {
		texts = append(texts, v.AsString())
	}
	return texts
}

func subscriptionsOf(all []Instance, needs map[string]deployed.Need) (subscriptions []deployed.Subscription, err error) {
	names := map[string]string{"": ""}
	for _, i := range of(all, "google_cloudfunctions2_function") {
		names[uri(i)] = i.text("name")
	}
	for _, i := range of(all, "google_pubsub_subscription") {
		s := deployed.Subscription{
			Name: i.text("name"), Topic: i.text("topic"), Filter: i.text("filter"), DeadLetter: i.text("dead_letter_policy.dead_letter_topic"),
			Function: names[i.text("push_config.push_endpoint")], Account: i.text("push_config.oidc_token.service_account_email"), Needs: needs[i.Address],
		}
		if s.Retention, err = strconv.Atoi(strings.TrimSuffix(i.text("message_retention_duration"), "s")); err != nil {
			return nil, fmt.Errorf("%s: %s: how long it keeps messages: %w", i.Range, i.Address, err)
		}
		subscriptions = append(subscriptions, s)
	}
	slices.SortFunc(subscriptions, func(a, b deployed.Subscription) int { return cmp.Compare(a.Name, b.Name) })
	return subscriptions, nil
}

// uri is where named has a function served.
func uri(function Instance) string { return function.Address + ".service_config.uri" }

// named answers for what only a service knows: that by which people call the thing, wherever something refers to it.
func named(i Instance, path []string, t cty.Type, set map[string]cty.Value) cty.Value {
	if t != cty.String {
		return cty.NullVal(t)
	}
	name := i.Address + "." + strings.Join(path, ".")
	for _, arg := range []string{"name", "account_id"} {
		if v, ok := set[arg]; ok && v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			name = v.AsString()
		}
	}
	if i.Type != "google_service_account" {
		return cty.StringVal(name)
	}
	name += "@" + deployed.Project + ".iam.gserviceaccount.com"
	if path[0] == "member" {
		name = "serviceAccount:" + name
	}
	return cty.StringVal(name)
}
