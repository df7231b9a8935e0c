package enrich

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tiercel.dev/alert"
)

//go:embed steps.yaml
var stepsFile []byte

// table is what a responder does, by rule. It is here and not in the rules: commands speak of clusters, projects and nodes,
// which a sensor does not know, and are mended without a roll-out to every node.
type table struct {
	Steps map[string]string   `yaml:"steps"`
	Rules map[string][]string `yaml:"rules"`
	Tags  []struct {
		Tag   string   `yaml:"tag"`
		Steps []string `yaml:"steps"`
	} `yaml:"tags"`
	Severities map[string][]string `yaml:"severities"`
}

var steps = func() (t table) {
	if err := yaml.Unmarshal(stepsFile, &t); err != nil {
		panic(fmt.Errorf("steps.yaml: %w", err)) // the file is part of the program
	}
	return t
}()

// nextSteps are numbered lines. A sender's text stands in commands only where it is a name that cannot be more than that:
// somebody will paste them into a shell.
func nextSteps(a *alert.Alert) string {
	names := placeOf(a)
	var lines []string
	if e := a.GetEnrichment(); e.GetVerification() == alert.Unverified {
		lines = append(lines, "Not verified: "+e.GetVerificationReason()+". Find out who published this before you act on it.")
	}
	for _, name := range stepsOf(a) {
		text := steps.Steps[name]
		if a.GetPod().GetName() == "" && strings.Contains(text, "{pod}") {
			continue
		}
		lines = append(lines, names.Replace(text))
	}
	for i := range lines {
		lines[i] = fmt.Sprintf("%d. %s", i+1, lines[i])
	}
	return strings.Join(lines, "\n")
}

// Steps are what a responder does about alerts of that rule, tags and severity. Capitals stand for what only an alert tells.
func Steps(rule string, tags []string, severity alert.Severity) []string {
	a := &alert.Alert{Rule: &alert.Rule{Name: rule, Tags: tags}, Severity: severity}
	var texts []string
	for _, name := range stepsOf(a) {
		texts = append(texts, placeOf(a).Replace(steps.Steps[name]))
	}
	return texts
}

func placeOf(a *alert.Alert) *strings.Replacer {
	return strings.NewReplacer(
		"{namespace}", safe(a.GetPod().GetNamespace(), "NAMESPACE"), "{pod}", safe(a.GetPod().GetName(), "POD"),
		"{container}", safe(a.GetContainer().GetName(), "CONTAINER"), "{node}", safe(a.GetNode().GetName(), "NODE"),
		"{project}", safe(a.GetCluster().GetProject(), "PROJECT"),
	)
}

func stepsOf(a *alert.Alert) []string {
	if own, ok := steps.Rules[a.GetRule().GetName()]; ok {
		return own
	}
	for _, t := range steps.Tags {
		if slices.Contains(a.GetRule().GetTags(), t.Tag) {
			return t.Steps
		}
	}
	return steps.Severities[a.GetSeverity().String()]
}

func safe(s, placeholder string) string {
	if name.MatchString(s) {
		return s
	}
	return placeholder
}
