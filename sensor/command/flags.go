package command

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tiercel.dev/rules"
	"tiercel.dev/rules/falco"
	"tiercel.dev/sensor/node"
)

func addRules(c *cobra.Command, r *node.Rules) {
	f := c.Flags()
	f.StringArrayVar(&r.Paths, "rules", nil, "rule file or folder of rule files (`path`) to add to the shipped rules; may be repeated; read again when it changes")
	f.BoolFunc("no-library", "leave the shipped rules out", func(string) error {
		r.Library = false
		return nil
	})
	f.BoolVar(&r.Falco.Exact, "falco-exact", false, "rules of Falco files: take event types as they are named, without newer calls and io_uring operations that do the same")
	f.BoolVar(&r.Falco.MountsExist, "falco-mounts-exist", false, "rules of Falco files: a test of container.mount.* for <NA> holds for a mount that is not there")
	f.BoolVar(&r.Falco.AllNets, "falco-all-nets", false, "rules of Falco files: fd.net in (…) looks at every network, and not at the first alone")
	f.Var(severities{r}, "falco-severity", "rules of Falco files: the severity of a priority, as in Alert=HIGH (`priority=severity`); may be repeated")
}

// severities are set by priority=severity.
type severities struct{ rules *node.Rules }

func (s severities) Type() string   { return "priority=severity" }
func (s severities) String() string { return "" }

func (s severities) Set(text string) error {
	name, word, _ := strings.Cut(text, "=")
	p, err := falco.ParsePriority(name)
	if err != nil {
		return err
	}
	severity, err := rules.ParseSeverity(word)
	if err != nil {
		return err
	}
	if s.rules.Falco.Severities == nil {
		s.rules.Falco.Severities = map[falco.Priority]rules.Severity{}
	}
	s.rules.Falco.Severities[p] = severity
	return nil
}

func addOutputs(c *cobra.Command, cfg *node.Config) {
	c.Flags().StringArrayVarP(&cfg.Outputs, "output", "o", cfg.Outputs, "where alerts go (`output`), see above; may be repeated")
}

func addPlace(c *cobra.Command, p *node.Place) {
	f := c.Flags()
	f.StringVar(&p.Node, "node", "", "this node's `name`; default $NODE_NAME, else the host's name")
	f.StringVar(&p.Cluster, "cluster", "", "the cluster's `name`, for the alerts")
	f.StringVar(&p.Project, "project", "", "the project's `id`, for the alerts")
	f.StringVar(&p.Location, "location", "", "the cluster's `region` or zone, for the alerts")
}

// parseSize reads a number of bytes: 4096, 512KiB, 16MiB.
func parseSize(text string) (uint32, error) {
	number, shift := text, 0
	for suffix, s := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if n, ok := strings.CutSuffix(text, suffix); ok {
			number, shift = n, s
		}
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n > (1<<32-1)>>shift {
		return 0, fmt.Errorf("want a number of bytes below 4GiB, such as 16MiB")
	}
	return uint32(n) << shift, nil
}
