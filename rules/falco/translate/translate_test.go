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

func TestCondition(t *testing.T) {
	for _, c := range []struct{ falco, cel string }{
		// Missing values: has() only where the zero value would do.
		{"proc.name = bash", `proc.name == "bash"`},
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
			e, err := syntax.Parse(c.falco)
			if err != nil {
				t.Fatal(err)
			}
			got, issues := Condition(e, names, Options{})
			if slices.ContainsFunc(issues, func(i Issue) bool { return !i.Warning }) {
				t.Fatal(issues)
			}
			if got.CEL != c.cel {
				t.Errorf("\n got %s\nwant %s", got.CEL, c.cel)
			}
		})
	}
}
