package falcoconfig

import (
	"time"

	"tiercel.dev/sensor/output"
)

// shapes are the keys that say how outputs write.
var shapes = map[string]func(*reader, value){
	"json_output": func(r *reader, v value) {
		var json bool
		if r.bool(v, &json); json {
			r.format += output.FalcoJSON - output.FalcoText
		}
	},
	"time_format_iso_8601":                func(r *reader, v value) { r.shape(v, output.FalcoISOTime, true) },
	"json_include_message_property":       func(r *reader, v value) { r.shape(v, output.FalcoMessage, true) },
	"json_include_output_property":        func(r *reader, v value) { r.shape(v, output.FalcoNoOutput, false) },
	"json_include_output_fields_property": func(r *reader, v value) { r.shape(v, output.FalcoNoFields, false) },
	"json_include_tags_property":          func(r *reader, v value) { r.shape(v, output.FalcoNoTags, false) },
}

// shape sets an option where the key has the value when.
func (r *reader) shape(v value, option output.Format, when bool) {
	set := !when
	if r.bool(v, &set); set == when {
		r.format |= option
	}
}

// output reads the keys of one output, and adds it if it is enabled.
func (r *reader) output(v value, o output.Spec, read func(f value, o *output.Spec) bool) {
	enabled := false
	before := len(r.errors)
	for _, f := range r.fields(v) {
		switch {
		case f.name() == "enabled":
			r.bool(f, &enabled)
		case read == nil || !read(f, &o):
			r.warn(f, "is no key of Falco's")
		}
	}
	if !enabled || len(r.errors) > before {
		return
	}
	if err := o.Validate(); err != nil {
		r.fail(v, "cannot be used: %v", err)
		return
	}
	r.outputs = append(r.outputs, o)
}

func (r *reader) stdoutOutput(v value) { r.output(v, output.Spec{Kind: "stdout"}, nil) }

func (r *reader) syslogOutput(v value) {
	r.output(v, output.Spec{Kind: "syslog", Network: "unix", Target: "/dev/log"}, nil)
}

// fileOutput has the file opened anew for each alert, unless keep_alive.
func (r *reader) fileOutput(v value) {
	r.output(v, output.Spec{Kind: "file", Each: true}, func(f value, o *output.Spec) bool {
		return r.lasting(f, o, "filename")
	})
}

// programOutput has the program started anew for each alert, unless keep_alive.
func (r *reader) programOutput(v value) {
	r.output(v, output.Spec{Kind: "program", Each: true}, func(f value, o *output.Spec) bool {
		return r.lasting(f, o, "program")
	})
}

func (r *reader) lasting(f value, o *output.Spec, target string) bool {
	switch f.name() {
	case target:
		r.str(f, &o.Target)
	case "keep_alive":
		keep := !o.Each
		r.bool(f, &keep)
		o.Each = !keep
	default:
		return false
	}
	return true
}

func (r *reader) httpOutput(v value) {
	o := output.Spec{Kind: "http", HTTP: output.HTTP{UserAgent: "falcosecurity/falco", MaxTimeouts: 5}}
	mtls := false
	if f := r.field(v, "mtls"); f != nil {
		r.bool(*f, &mtls)
	}
	r.output(v, o, func(f value, o *output.Spec) bool {
		h := &o.HTTP
		texts := map[string]*string{"url": &h.URL, "user_agent": &h.UserAgent, "ca_cert": &h.CACert, "ca_bundle": &h.CABundle, "ca_path": &h.CAPath}
		flags := map[string]*bool{"insecure": &h.Insecure, "echo": &h.Echo, "compress_uploads": &h.Compress, "keep_alive": &h.KeepAlive, "mtls": &mtls}
		if mtls { // the default file names certificates that nobody has made
			texts["client_cert"], texts["client_key"] = &h.ClientCert, &h.ClientKey
		}
		switch name := f.name(); {
		case texts[name] != nil:
			r.str(f, texts[name])
		case flags[name] != nil:
			r.bool(f, flags[name])
		case name == "max_consecutive_timeouts":
			r.integer(f, &h.MaxTimeouts)
		default:
			return name == "client_cert" || name == "client_key"
		}
		return true
	})
}

// queue is the number of alerts that may wait for each output.
func (r *reader) queue(v value) {
	for _, f := range r.fields(v) {
		if f.name() != "capacity" {
			r.warn(f, "is no key of Falco's")
			continue
		}
		if r.integer(f, &r.cfg.Queue.QueueAlerts); r.cfg.Queue.QueueAlerts == 0 {
			r.warn(f, "0 is no bound in Falco; here queues have one, of alerts and of bytes")
		}
	}
}

func (r *reader) outputTimeout(v value) {
	ms := 0
	r.integer(v, &ms)
	r.cfg.Queue.StuckAfter = time.Duration(ms) * time.Millisecond
}
