package output

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/pubsub"
)

// Syntax explains what [Parse] takes, for the help of commands.
const Syntax = `stdout, stderr                    lines of text; coloured on a terminal
file:PATH                         appended to PATH; reopened on SIGHUP
syslog:unix:///dev/log            RFC 5424; also syslog:udp://HOST:PORT and syslog:tcp://HOST:PORT
program:COMMAND                   to the standard input of a shell command
http?url=URL                      posted to a server, each alert by itself; url comes last and takes all behind it
cloudlogging                      structured lines for Cloud Logging on standard output
pubsub:projects/P/topics/T        through a spool on disk

Options follow a question mark, separated by "&"; for program they stand before the colon, since a command may hold
question marks, as in program?format=json:COMMAND.
format=FORMAT                     text, json, falco-text or falco-json: stdout, stderr, file, syslog, program, http (default json)
heartbeats=true|false             all but syslog and program: heartbeats too; default true for pubsub and cloudlogging alone
each=true|false                   program: one start for every alert; file: opened anew for every alert
user_agent=TEXT, insecure=true, ca_cert=FILE, ca_bundle=FILE, ca_path=DIR, client_cert=FILE, client_key=FILE, echo=true,
compress_uploads=true, keep_alive=true, max_consecutive_timeouts=N
                                  http: as in Falco's http_output
encoding=json|binary              pubsub: as the topic's schema asks
spool=DIR                         pubsub: the spool's directory
max=BYTES                         pubsub: of the spool, as in 256MiB; KiB, MiB and GiB, or K, M and G for short`

// A Spec says which output is wanted. It is made by Parse.
type Spec struct {
	Kind       string // "stdout", "stderr", "file", "syslog", "program", "http", "cloudlogging", "pubsub"
	Target     string // path, address, command or topic
	Network    string // of syslog
	Format     Format
	Heartbeats bool
	Each       bool // program: started, and file: opened for every alert
	Encoding   alert.Encoding
	SpoolDir   string
	SpoolBytes int64
	HTTP       HTTP
}

// kinds says which options a kind takes, besides whether it needs a target.
var kinds = map[string]struct {
	target  string // what the target is, "" if there is none
	options []string
}{
	"stdout":  {"", []string{"format", "heartbeats"}},
	"stderr":  {"", []string{"format", "heartbeats"}},
	"file":    {"a path", []string{"format", "heartbeats", "each"}},
	"syslog":  {"an address", []string{"format"}},
	"program": {"a command", []string{"format", "each"}},
	"http": {"an address", []string{"format", "heartbeats", "user_agent", "insecure", "ca_cert", "ca_bundle", "ca_path",
		"client_cert", "client_key", "echo", "compress_uploads", "keep_alive", "max_consecutive_timeouts"}},
	"cloudlogging": {"", []string{"heartbeats"}},
	"pubsub":       {"a topic", []string{"heartbeats", "encoding", "spool", "max"}},
}

// Parse reads one output's setting; see [Syntax]. Its errors name the part that is wrong.
func Parse(setting string) (Spec, error) {
	s, err := parse(setting)
	if err != nil {
		return Spec{}, fmt.Errorf("output %q: %w", withoutSecrets(setting), err)
	}
	return s, nil
}

// withoutSecrets leaves out a URL, which may hold a password or a token.
func withoutSecrets(setting string) string {
	if before, _, ok := strings.Cut(setting, "url="); ok && strings.HasPrefix(setting, "http") {
		return before + "url=…"
	}
	return setting
}

func parse(setting string) (Spec, error) {
	kind, options, target, err := split(setting)
	if err != nil {
		return Spec{}, err
	}
	k := kinds[kind]
	s := Spec{Kind: kind, Target: target, Heartbeats: kind == "pubsub" || kind == "cloudlogging"}
	if kind == "cloudlogging" {
		s.Format = CloudLogging
	}
	if kind == "http" {
		s.HTTP.URL, s.Target, s.Format = target, "", JSON
	}
	if err := s.setOptions(options, k.options); err != nil {
		return Spec{}, err
	}
	return s, s.checkTarget()
}

// split cuts a setting into its parts, and checks that those are there that the kind needs.
func split(setting string) (kind, options, target string, err error) {
	head, target, hasTarget := strings.Cut(setting, ":")
	kind, options, _ = strings.Cut(head, "?")
	if kind == "http" {
		_, options, _ = strings.Cut(setting, "?")
		options, target, _ = strings.Cut("&"+options, "&url=")
		if target == "" {
			return "", "", "", errors.New("http needs an address, as in http?url=http://falcosidekick:2801")
		}
		return kind, strings.TrimPrefix(options, "&"), target, nil
	}
	k, ok := kinds[kind]
	switch {
	case !ok:
		return "", "", "", fmt.Errorf("kind %q: not one of stdout, stderr, file, syslog, program, http, cloudlogging, pubsub", kind)
	case k.target == "" && hasTarget:
		return "", "", "", fmt.Errorf("%s takes nothing after a colon", kind)
	case k.target != "" && target == "":
		return "", "", "", fmt.Errorf("%s needs %s, as in %s:…", kind, k.target, kind)
	}
	if kind != "program" && hasTarget {
		if options != "" {
			return "", "", "", fmt.Errorf("options %q: belong behind the target", options)
		}
		target, options, _ = strings.Cut(target, "?")
	}
	return kind, options, target, nil
}

func (s *Spec) setOptions(options string, allowed []string) error {
	if options == "" {
		return nil
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(options, "&") {
		name, value, _ := strings.Cut(part, "=")
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("option %q: %s takes %s", name, s.Kind, strings.Join(allowed, ", "))
		}
		if seen[name] {
			return fmt.Errorf("option %q: given twice", name)
		}
		seen[name] = true
		if err := s.setOption(name, value); err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
	}
	return nil
}

func (s *Spec) setOption(name, value string) (err error) {
	switch name {
	case "format":
		s.Format, err = ParseFormat(value)
	case "heartbeats":
		s.Heartbeats, err = parseBool(value)
	case "each":
		s.Each, err = parseBool(value)
	case "encoding":
		switch value {
		case "json":
			s.Encoding = alert.EncodingJSON
		case "binary":
			s.Encoding = alert.EncodingBinary
		default:
			err = fmt.Errorf("%q: not json or binary", value)
		}
	case "spool":
		if s.SpoolDir, err = url.PathUnescape(value); err == nil && s.SpoolDir == "" {
			err = errors.New("empty")
		}
	case "max":
		s.SpoolBytes, err = parseBytes(value)
	default:
		return s.HTTP.setOption(name, value)
	}
	return err
}

func parseBool(s string) (bool, error) {
	if s != "true" && s != "false" {
		return false, fmt.Errorf("%q: not true or false", s)
	}
	return s == "true", nil
}

// parseBytes takes "4096", "256MiB" and "256M".
func parseBytes(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"K", "M", "G"} {
		if number, ok := strings.CutSuffix(strings.TrimSuffix(s, "iB"), unit); ok {
			digits, shift = number, 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q: not a number of bytes such as 256MiB", s)
	}
	return int64(n) << shift, nil
}

// checkTarget checks what can be checked without opening it.
func (s *Spec) checkTarget() error {
	switch s.Kind {
	case "syslog":
		return s.parseAddress()
	case "pubsub":
		cfg := pubsub.Config{Topic: s.Target}
		cfg.Spool.Dir, cfg.Spool.MaxBytes = "unknown yet", s.SpoolBytes
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	return s.Validate()
}

// Validate says what a Spec lacks that Parse did not make.
func (s Spec) Validate() error {
	switch k, ok := kinds[s.Kind]; {
	case !ok:
		return fmt.Errorf("kind %q: there is none", s.Kind)
	case s.Kind == "http":
		return s.HTTP.Validate()
	case k.target != "" && s.Target == "":
		return fmt.Errorf("%s needs %s", s.Kind, k.target)
	}
	return nil
}

func (s *Spec) parseAddress() error {
	u, err := url.Parse(s.Target)
	if err != nil {
		return fmt.Errorf("address %q: not a URL", s.Target)
	}
	s.Network = u.Scheme
	switch u.Scheme {
	case "unix":
		if u.Host != "" || u.Path == "" {
			return fmt.Errorf("address %q: unix sockets are written unix:///PATH", s.Target)
		}
		s.Target = u.Path
	case "udp", "tcp":
		if _, _, err := net.SplitHostPort(u.Host); err != nil || u.Path != "" {
			return fmt.Errorf("address %q: not %s://HOST:PORT", s.Target, u.Scheme)
		}
		s.Target = u.Host
	default:
		return fmt.Errorf("address %q: not unix, udp or tcp", s.Target)
	}
	return nil
}
