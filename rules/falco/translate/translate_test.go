package translate

import (
	"slices"
	"strings"
	"testing"

	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/falco/syntax"
)

// lexicon is a few names, which CEL calls as Falco does; lists of numbers with _n behind.
type lexicon map[string][]string

func (l lexicon) Macro(name string) (string, bool) { return name, strings.HasPrefix(name, "m_") }

func (l lexicon) Items(name string) ([]syntax.Value, bool) {
	items, ok := l[name]
	var out []syntax.Value
	for _, item := range items {
		out = append(out, syntax.Value{Text: item})
	}
	return out, ok
}

func (l lexicon) List(name string, of condition.Elem) string {
	if of == condition.OfInt {
		return name + "_n"
	}
	return name
}

func (l lexicon) Addresses(list string, names []string) string {
	return "addresses_of_" + list + strings.NewReplacer(".", "_").Replace(strings.Join(names, "_"))
}

var names = lexicon{"shells": {"bash", "sh"}, "none": nil, "ports": {"22", "80"}, "nets": {"10.0.0.0/8", "192.168.0.0/16"}, "one": {"cron"},
	"blank": {"", "x"}, "opens": {"open", "openat"}, "hosts": {"a.example", "b.example"}, "ips": {"10.0.0.1"}}

func celOf(t *testing.T, falco string, opt Options) (string, []Issue) {
	t.Helper()
	e, err := syntax.Parse(falco)
	if err != nil {
		t.Fatal(err)
	}
	got, issues := Condition(e, names, opt)
	return got.CEL, issues
}

func TestCompatibility(t *testing.T) {
	for _, c := range []struct {
		falco, faithful, mended string
		opt                     Options
	}{
		{"not container.mount.dest[/] in (\"<NA>\",\"N/A\")", `!(container.mount.dest["~/"] in ["<NA>", "N/A"])`,
			`!(!has(container.mount.dest["~/"]) || container.mount.dest["~/"] in ["<NA>", "N/A"])`, Options{MountsExist: true}},
		{"fd.net in (nets)", `inCIDR(fd.ip, "10.0.0.0/8")`, "inCIDR(fd.ip, nets)", Options{AllNets: true}},
		{"evt.type = fchmodat", `evt.type in ["fchmodat", "fchmodat2"]`, `evt.type == "fchmodat"`, Options{Exact: true}},
	} {
		for opt, want := range map[Options]string{{}: c.faithful, c.opt: c.mended} {
			if got, _ := celOf(t, c.falco, opt); got != want {
				t.Errorf("%s with %+v:\n got %s\nwant %s", c.falco, opt, got, want)
			}
		}
	}
}

// TestIssues has each error and warning with the place that it names: where | stands in the text.
func TestIssues(t *testing.T) {
	for _, c := range []struct{ falco, code, message string }{
		{"proc.name = a and |proc.nmae = b", codeCondition, "filter_check called with nonexistent field proc.nmae: did you mean proc.name?"},
		{"proc.name = a or |m", codeValidate, "undefined macro 'm' used in filter"},
		{"proc.pid |contains 1", codeCondition, "operator 'contains' can't be used with proc.pid, which is a number"},
		{"proc.pid = |many", codeCondition, `"many" is no number, and proc.pid is a number`},
		{"fd.sip = |1.2.3", codeCondition, `"1.2.3" is no address`},
		{"fd.snet = |10.0.0.1", codeCondition, `"10.0.0.1" is no network: write 10.0.0.0/8`},
		{"fd.sip |startswith 10", codeCondition, "operator 'startswith' can't be used with fd.sip, which is an address"},
		{"evt.is_open_write = |yes", codeCondition, `"yes" is neither true nor false`},
		{"evt.type in (open, |opne)", codeCondition, `unknown event type "opne": did you mean open?`},
		{"evt.type = |read", warnCondition, "the sensor does not see events of type read: none will match"},
		{"|evt.arg.vm_swap = 1", warnCondition, "no event has evt.arg.vm_swap here: what is compared with it is false"},
		{"|proc.stdin.type = ipv4", warnCondition, "no event has proc.stdin.type here (which other descriptors a process has is not recorded): what is compared with it is false"},
		{"|k8s.ns.label.team = a", warnCondition, "no event has k8s.ns.label.team here (nor has one in Falco since 0.37): what is compared with it is false"},
		{"|k8s.ns.label[team] = a", warnCondition, "no event has k8s.ns.label[team] here (nor has one in Falco since 0.37): what is compared with it is false"},
		{"|evt.arg.vm_swapp = 1", codeCondition, "filter_check called with nonexistent field evt.arg.vm_swapp"},
		{"|evt.dir = <", warnDeprecated, "evt.dir is deprecated: events are seen as calls return, so it is always <"},
		{"|evt.dir = >", warnDeprecated, "evt.dir is deprecated: events are seen as calls return, so it is always <, and this never holds"},
		{"proc.name |= shells", "", ""},
		{"proc.name regex |'['", codeCondition, "error parsing regexp: missing closing ]: `[`"},
		{"proc.name bcontains |xyz", codeCondition, `"xyz" are no bytes in hexadecimal digits`},
		{"|tolower(proc.pid) = 1", codeCondition, "transformer 'tolower' takes a text, and proc.pid is a number"},
		{"|proc.aname = val(proc.name)", codeCondition, "proc.aname can't be compared with a field"},
		{"proc.name |= val(proc.pid)", codeCondition, "proc.name is a text, and proc.pid is a number"},
		{"|container.mount.dest[(] = /", codeCondition, "wrong key: container.mount.dest[\"~(\"]: error parsing regexp: missing closing ): `(`"},
		{"fd.net |in (nets)", warnCondition, "Falco looks at the first network of fd.net in (…) alone, and so does this; fd.snet and fd.cnet look at all"},
	} {
		at := strings.Index(c.falco, "|")
		_, issues := celOf(t, c.falco[:at]+c.falco[at+1:], Options{})
		if c.code == "" {
			if len(issues) != 1 || !strings.Contains(issues[0].Message, "takes one value") {
				t.Errorf("%s: %v", c.falco, issues)
			}
			continue
		}
		if len(issues) != 1 || issues[0].Offset != at || issues[0].Code != c.code || issues[0].Message != c.message {
			t.Errorf("%s: %+v", c.falco, issues)
		}
	}
}

func TestPlacesLeadBack(t *testing.T) {
	text := "(proc.name = a or proc.pname != b) and fd.sport in (ports, 90)"
	e, err := syntax.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := Condition(e, names, Options{})
	for _, word := range []string{"proc.pname != ", "fd.sport in ports"} {
		cel := strings.Index(got.CEL, word)
		falco := strings.Index(text, word[:8])
		if at := got.At(cel); at != falco {
			t.Errorf("%s in %s: place %d, not %d", word, got.CEL, at, falco)
		}
	}
}

func TestCondition(t *testing.T) {
	for _, c := range []struct{ falco, cel string }{
		// Missing values: has() only where the zero value would do.
		{"proc.name = bash", `proc.name == "bash"`},
		// Other names, and older ones.
		{"k8s.pod.label.app = web", `k8s.pod.label["app"] == "web"`},
		{"container.label.io.example = web", `container.label["io.example"] == "web"`},
		{"k8smeta.pod.label[app] = web or k8smeta.ns.name = shop", `k8s.pod.label["app"] == "web" || k8s.ns.name == "shop"`},
		{"proc.vpgid.name = bash", `proc.pgid.name == "bash"`},
		{"proc.args[0] = -c and proc.aargs contains x", `proc.args[0] == "-c" && proc.aargs.exists(a, a.contains("x"))`},
		{"proc.pname != bash", `has(proc.pname) && proc.pname != "bash"`},
		{"not proc.pname = bash", `proc.pname != "bash"`},
		{"not proc.pname != bash", `!(has(proc.pname) && proc.pname != "bash")`},
		{"not not proc.name = bash", `proc.name == "bash"`},
		{`proc.name = ""`, `has(proc.name) && proc.name == ""`},
		{`proc.args contains ""`, `has(proc.args) && proc.args.contains("")`},
		{"user.name != root", `user.name != "root"`},
		{"proc.pname exists", "has(proc.pname)"},
		{"not proc.pname exists", "!has(proc.pname)"},
		{"proc.name in (blank)", "has(proc.name) && proc.name in blank"},
		{"fd.num >= 0", "has(fd.num) && fd.num >= 0"},
		{"fd.num > 0", "fd.num > 0"},
		{"proc.tty != 0", "proc.tty != 0"},
		{"fd.num != 3", "has(fd.num) && fd.num != 3"},

		// Operators on texts.
		{"proc.name startswith /usr or proc.name endswith .so", `proc.name.startsWith("/usr") || proc.name.endsWith(".so")`},
		{"proc.args icontains Pass", `proc.args.icontains("Pass")`},
		{`fd.name glob "/home/*/.ssh/*"`, `fd.name.glob("/home/*/.ssh/*")`},
		{"fd.name glob *", `has(fd.name) && fd.name.glob("*")`},
		{"proc.name iglob *Miner*", `proc.name.iglob("*Miner*")`},
		{"fd.name pmatch (/etc, /usr/lib)", `fd.name.pmatch(["/etc", "/usr/lib"])`},
		{`proc.name regex 'py[0-9]+'`, `proc.name.matches("^py[0-9]+$")`},
		{`proc.name regex 'a|b.*'`, `proc.name.matches("^(?:a|b.*)$")`},
		{`proc.name regex '^a$|b'`, `proc.name.matches(r"\A(?m:^a$|b)\z")`},
		{`proc.name regex '.*'`, `has(proc.name) && proc.name.matches("^.*$")`},
		{`evt.arg.cmd=5`, `evt.arg.cmd == "5"`},
		{`evt.res != -1`, `evt.res != "-1"`},
		{`proc.cmdline contains 'say "hi"'`, `proc.cmdline.contains('say "hi"')`},

		// Lists.
		{"proc.name in (shells)", "proc.name in shells"},
		{"proc.name in (bash)", `proc.name == "bash"`},
		{"not proc.name in (bash)", `proc.name != "bash"`},
		{"proc.name in (shells, cron, at)", `proc.name in shells || proc.name in ["cron", "at"]`},
		{"not proc.name in (shells, cron)", `!(proc.name in shells || proc.name == "cron")`},
		{"proc.name in (none)", "proc.name in none"},
		{"proc.name in ()", "false"},
		{"proc.name = one", `proc.name == "cron"`},
		{`proc.name = "one"`, `proc.name == "one"`},
		{"proc.args intersects (shells)", "proc.args in shells"},
		{"proc.name contains anyof (a, b)", `proc.name.contains("a") || proc.name.contains("b")`},
		{"proc.name contains allof (a, b)", `proc.name.contains("a") && proc.name.contains("b")`},
		{"proc.name contains oneof (a, b)", `proc.name.contains("a") && !proc.name.contains("b") || !proc.name.contains("a") && proc.name.contains("b")`},

		// Numbers, flags and times.
		{`fd.sport="443"`, "fd.sport == 443"},
		{"fd.sport in (ports)", "fd.sport in ports_n"},
		{"fd.sport = https", "fd.sport == 443"},
		{"evt.rawres in (0, -115)", "evt.rawres in [0, -115]"},
		{"proc.pid in (0, 1)", "has(proc.pid) && proc.pid in [0, 1]"},
		{"proc.vpid = 0x1", "proc.vpid == 1"},
		{"evt.is_open_write = true", "evt.is_open_write"},
		{"evt.is_open_write = false", "!evt.is_open_write"},
		{"not evt.is_open_write = true", "!evt.is_open_write"},
		{"container.privileged = false", "has(container.privileged) && !container.privileged"},
		{"container.privileged != true", "has(container.privileged) && !container.privileged"},
		{"proc.duration <= 5000000000", `has(proc.duration) && proc.duration <= duration("5s")`},

		// Any ancestor; both ends.
		{"proc.aname = sshd", `"sshd" in proc.aname`},
		{"not proc.aname = sshd", `!("sshd" in proc.aname)`},
		{"proc.aname in (shells)", "proc.aname.exists(a, a in shells)"},
		{"proc.aname != sshd", `proc.aname.exists(a, a != "sshd")`},
		{"proc.aname contains ssh", `proc.aname.exists(a, a.contains("ssh"))`},
		{"proc.aname exists", "has(proc.aname)"},
		{"proc.aname[2] = sshd", `proc.aname[2] == "sshd"`},
		{"proc.apid = 1", "1 in proc.apid"},
		{"fd.ip = 10.0.0.1", `"10.0.0.1" in fd.ip`},
		{`fd.ip != "0.0.0.0"`, `has(fd.ip) && !("0.0.0.0" in fd.ip)`},
		{"fd.ip in (ips)", "fd.ip.exists(a, a in ips)"},
		{"fd.port in (22, 80)", "fd.port.exists(p, p in [22, 80])"},
		{"fd.port != 22", "has(fd.port) && !(22 in fd.port)"},
		{"fd.port >= 1024", "fd.port.exists(p, p >= 1024)"},

		// Addresses, networks, domains.
		{"fd.sip = ::ffff:10.0.0.1", `fd.sip == "10.0.0.1"`},
		{"fd.sip != 10.0.0.1", `has(fd.sip) && fd.sip != "10.0.0.1"`},
		{"fd.snet in (nets)", "inCIDR(fd.sip, nets)"},
		{"fd.net in (nets)", `inCIDR(fd.ip, "10.0.0.0/8")`},
		{"fd.net != 127.0.0.0/8", `has(fd.ip) && !inCIDR(fd.ip, "127.0.0.0/8")`},
		{"fd.sip.name = a.example", "fd.sip in addresses_of_a_example"},
		{"fd.sip.name in (hosts)", "fd.sip in addresses_of_hostsa_example_b_example"},
		{"fd.cip.name != a.example", "has(fd.cip) && !(fd.cip in addresses_of_a_example)"},

		// Event types.
		{"evt.type = open", `evt.type == "open"`},
		{"evt.type != open", `evt.type != "open"`},
		{"evt.type in (chmod, fchmodat)", `evt.type in ["chmod", "fchmodat", "fchmodat2"]`},
		{"evt.type in (open, openat) and evt.is_open_read = true", `evt.type in ["open", "openat", "open_by_handle_at"] && evt.is_open_read`},
		{"evt.type = open and (proc.name = a or evt.is_open_write = true)", `evt.type in ["open", "open_by_handle_at"] && (proc.name == "a" || evt.is_open_write)`},
		{"evt.type = recvmsg", `evt.type in ["recvmsg", "recvmmsg"]`},
		{"evt.type in (read, open)", `evt.type == "open"`},
		{"evt.type = read", "false"},
		{"evt.type in (opens)", "evt.type in opens"},
		{"evt.num = 0", "false"},
		{"evt.type = open and evt.dir = <", `evt.type == "open"`},
		{"evt.dir = >", "false"},

		// Keys.
		{"container.mount.dest[/proc*] in (/a)", `container.mount.dest["~/proc*"] == "/a"`},
		{"container.mount.dest[0] = /a", `container.mount.dest[0] == "/a"`},
		{"proc.env[HOME] = /root", `proc.env["HOME"] == "/root"`},

		// Transformers and other fields.
		{"tolower(proc.name) = bash", `proc.name.lower() == "bash"`},
		{"toupper(proc.name) startswith B", `proc.name.upper().startsWith("B")`},
		{"b64(proc.args) contains curl", `proc.args.b64().contains("curl")`},
		{"b64(proc.args) != curl", `has(proc.args) && proc.args.b64() != "" && proc.args.b64() != "curl"`},
		{"len(proc.args) > 100", "proc.args.len() > 100"},
		{"len(proc.args) < 100", "has(proc.args) && proc.args.len() < 100"},
		{"proc.name = val(proc.pname)", "has(proc.name) && has(proc.pname) && proc.name == proc.pname"},
		{"proc.exe endswith val(proc.name)", "has(proc.exe) && has(proc.name) && proc.exe.endsWith(proc.name)"},

		// Precedence.
		{"(proc.name = a or proc.name = b) and m_x", `(proc.name == "a" || proc.name == "b") && m_x`},
		{"proc.name = a and m_x or not m_y", `proc.name == "a" && m_x || !m_y`},
		{"not (proc.name = a and m_x)", `!(proc.name == "a" && m_x)`},
		{"proc.pname != a and proc.pname != b", `has(proc.pname) && proc.pname != "a" && proc.pname != "b"`},
	} {
		t.Run(c.falco, func(t *testing.T) {
			got, issues := celOf(t, c.falco, Options{})
			if slices.ContainsFunc(issues, func(i Issue) bool { return !i.Warning }) {
				t.Fatal(issues)
			}
			if got != c.cel {
				t.Errorf("\n got %s\nwant %s", got, c.cel)
			}
		})
	}
}
