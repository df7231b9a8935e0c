package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each mistake is one line in a configuration that is else right, and what is said of it.
func TestMistakes(t *testing.T) {
	const topic = "resource \"google_pubsub_topic\" \"t\" {\n  name = \"t\"\n"
	for name, tt := range map[string]struct{ text, want string }{
		"an argument that is not there":   {topic + "  nmae = \"t\"\n}", "has no argument nmae"},
		"one that is the provider's":      {topic + "  effective_labels = {}\n}", "effective_labels is the provider's to set"},
		"a required one is missing":       {"resource \"google_pubsub_topic\" \"t\" {}", "google_pubsub_topic.t: name is required"},
		"a list for a text":               {topic + "  project = [\"a\"]\n}", "project: string required"},
		"a block that is not there":       {topic + "  dead_letter_policy {}\n}", "has no block dead_letter_policy"},
		"a block's required argument":     {topic + "  schema_settings {}\n}", "schema_settings.schema is required"},
		"a block too many":                {topic + "  schema_settings {\n schema = \"a\"\n}\n  schema_settings {\n schema = \"a\"\n}\n}", "2 blocks schema_settings, and 1 are allowed"},
		"an argument for a block":         {topic + "  schema_settings = {}\n}", "has no argument schema_settings"},
		"a dynamic block of no kind":      {topic + "  dynamic \"x\" {\n for_each = []\n content {}\n}\n}", "has no block x"},
		"inside of a dynamic block":       {topic + "  dynamic \"schema_settings\" {\n for_each = [1]\n content {\n schema = schema_settings.valu\n}\n}\n}", "Unsupported attribute"},
		"a resource that is not there":    {"resource \"google_pubsub_topik\" \"t\" {}", "the provider has no resource google_pubsub_topik"},
		"a variable that is not there":    {topic + "  project = var.x\n}", "there is no var.x"},
		"a resource referred to":          {topic + "  project = google_pubsub_topic.u.name\n}", "there is no google_pubsub_topic.u"},
		"an attribute that is not there":  {topic + "}\noutput \"o\" {\n value = google_pubsub_topic.t.nmae\n}", "Unsupported attribute"},
		"an output that is not there":     {"module \"m\" {\n source = \"./m\"\n v = \"\"\n}\noutput \"o\" {\n value = module.m.x\n}", "Unsupported attribute"},
		"an argument of a module":         {"module \"m\" {\n source = \"./m\"\n v = \"\"\n w = 1\n}", "has no variable w"},
		"a variable of a module":          {"module \"m\" {\n source = \"./m\"\n}", "variable v is not set"},
		"a variable's type":               {"module \"m\" {\n source = \"./m\"\n v = {}\n}", "variable v: string required"},
		"a validation":                    {"module \"m\" {\n source = \"./m\"\n v = \"no\"\n}", "variable v: not no"},
		"a module that is not there":      {"module \"m\" {\n source = \"./n\"\n}", "no .tf files"},
		"a function that is not there":    {topic + "  project = uper(\"a\")\n}", "Call to unknown function"},
		"keys known only afterwards":      {topic + "  for_each = toset([google_pubsub_schema.s.id])\n}\nresource \"google_pubsub_schema\" \"s\" {\n name = \"s\"\n}", "a key of for_each is not known before it is made"},
		"a count known only afterwards":   {topic + "  count = google_pubsub_schema.s.id == \"\" ? 1 : 0\n}\nresource \"google_pubsub_schema\" \"s\" {\n name = \"s\"\n}", "count is not known before it is made"},
		"for_each of a list":              {topic + "  for_each = [\"a\"]\n}", "for_each is of a list"},
		"an instance without its key":     {topic + "  for_each = toset([\"a\"])\n}\noutput \"o\" {\n value = google_pubsub_topic.t.name\n}", "Unsupported attribute"},
		"something that is its own cause": {topic + "  project = local.a\n}\nlocals {\n a = google_pubsub_topic.t.name\n}", "refers to itself"},
		"waiting for nothing":             {topic + "  depends_on = [google_pubsub_topic.u]\n}", "there is no google_pubsub_topic.u"},
		"twice the same":                  {topic + "}\n" + topic + "}", "is there twice"},
		"another provider":                {"provider \"aws\" {}", "the provider aws is not google"},
		"a word at the top":               {"resources \"google_pubsub_topic\" \"t\" {}", "resources has 2 labels"},
		"no Terraform":                    {"resource {", "main.tf:1"},
	} {
		dir := t.TempDir()
		files := map[string]string{
			"main.tf":   tt.text,
			"m/main.tf": "variable \"v\" {\n type = string\n validation {\n condition = var.v != \"no\"\n error_message = \"not no\"\n}\n}\noutput \"o\" {\n value = var.v\n}",
		}
		if err := os.Mkdir(filepath.Join(dir, "m"), 0o700); err != nil {
			t.Fatal(err)
		}
		for path, text := range files {
			if err := os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := Plan(dir, googleSchema(t), nil, Unknown); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

func TestUnused(t *testing.T) {
	dir := t.TempDir()
	text := "variable \"a\" {\n type = string\n validation {\n condition = var.a != \"\"\n error_message = \"x\"\n}\n}\nlocals {\n b = 1\n c = local.b\n}\ndata \"google_project\" \"d\" {}"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Unused(), " "); got != "data.google_project.d local.c var.a" {
		t.Errorf("unused are %s", got)
	}
}
