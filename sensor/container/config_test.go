package container

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if err := offline().Validate(); err != nil {
		t.Errorf("nothing to ask: %v", err)
	}
	tests := []struct {
		field  string
		change func(*Config)
	}{
		{"Sockets[1]", func(c *Config) { c.Sockets = []string{"/ok", "relative.sock"} }},
		{"Sockets[0]", func(c *Config) { c.Sockets = []string{"/" + strings.Repeat("x", 107)} }},
		{"ProcRoot", func(c *Config) { c.ProcRoot = "proc" }},
		{"CgroupRoot", func(c *Config) { c.CgroupRoot = "cgroup" }},
		{"HoldFor", func(c *Config) { c.HoldFor = -1 }},
		{"HoldFor", func(c *Config) { c.HoldFor = time.Hour }},
		{"MaxCgroups", func(c *Config) { c.MaxCgroups = 0 }},
		{"MaxContainers", func(c *Config) { c.MaxContainers = -1 }},
	}
	for _, tt := range tests {
		cfg := DefaultConfig()
		tt.change(&cfg)
		if err := cfg.Validate(); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tt.field+":") {
			t.Errorf("%s: %v", tt.field, err)
		}
	}
}
