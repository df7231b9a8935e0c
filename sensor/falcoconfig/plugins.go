package falcoconfig

import "slices"

// loadPlugins warns of plugins but the one that is built in.
func (r *reader) loadPlugins(v value) {
	for _, item := range r.items(v) {
		if name, ok := r.text(item); ok && name != "container" && name != "" {
			r.warn(item, "%s is not honoured: there are no plugins, and what container does is built in", name)
		}
	}
}

// plugins are configured here and loaded by load_plugins, which tells of those that cannot be.
func (r *reader) plugins(v value) {
	for _, item := range r.items(v) {
		name := ""
		if f := r.field(item, "name"); f != nil {
			r.str(*f, &name)
		}
		if name != "container" {
			continue
		}
		if f := r.field(item, "init_config"); f != nil {
			r.each(*f, func(f value) string {
				if f.name() == "engines" {
					r.engines(f)
					return ""
				}
				return noCounterpart
			})
		}
	}
}

// containerEngines is the older form of what the container plugin is told.
func (r *reader) containerEngines(v value) { r.engines(v) }

// engines takes the sockets of those that speak CRI.
func (r *reader) engines(v value) {
	for _, engine := range r.fields(v) {
		enabled, sockets := true, []string(nil)
		cri := engine.name() == "cri" || engine.name() == "containerd"
		r.each(engine, func(f value) string {
			switch {
			case f.name() == "enabled":
				r.bool(f, &enabled)
			case f.name() == "sockets" && cri:
				sockets = r.texts(f)
			case cri:
				return noCounterpart
			}
			return ""
		})
		switch {
		case !cri && enabled:
			r.warn(engine, "is not honoured: containers are known from their cgroups, and what they are from a CRI socket")
		case !cri:
		case !enabled && r.cfg.CRISockets == nil:
			r.cfg.CRISockets = []string{}
		case enabled:
			for _, s := range sockets {
				if !slices.Contains(r.cfg.CRISockets, s) {
					r.cfg.CRISockets = append(r.cfg.CRISockets, s)
				}
			}
		}
	}
}
