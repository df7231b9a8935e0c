// Package rules loads rule files, compiles their conditions and matches events against them. It does not know where
// events come from or where alerts go: sensor/pipeline calls it per event, cmd/tiercel checks, tests and explains rule
// files with it. The fields that conditions and outputs name are those of package rules/field; how a condition becomes
// Go code is in rules/condition; rules/reload watches files and swaps whole sets.
//
// # Rule files
//
// A file is one YAML mapping with the keys lists, macros and rules, each optional but not all. An unknown key, a YAML
// anchor or alias, and a name defined twice are errors. Names of lists and macros are [a-z_][a-z0-9_]*; names of rules are
// any text without control characters. Order does not matter, except that rules are tried in the order of files and within a file.
//
//	lists:
//	  shells: [ash, bash, sh, zsh]              # texts, or all numbers: [22, 80]
//	  login_shells: [{list: shells}, fish]      # a list in a list is named so; plain text is always an item
//	  k8s_api_servers: {from: k8s_api_servers, default: []}             # filled by the program at run time
//	  k8s_api_ports: {from: k8s_api_ports, of: int, default: [443, 6443]}
//	  registries: {domains: [registry.example.com]}                     # filled with the addresses that the names have
//	macros:
//	  in_container: container.id != "host"
//	  open_write: evt.is_open_write && fd.num >= 0
//	rules:
//	  - name: terminal_shell_in_container       # required, as are condition, output and severity
//	    title: Terminal shell in container
//	    description: An interactive shell was started inside a container.
//	    condition: evt.type == "execve" && in_container && proc.name in shells && proc.tty != 0
//	    output: shell {proc.cmdline} started by {proc.pname} in {container.name}
//	    severity: MEDIUM                        # LOW, MEDIUM, HIGH or CRITICAL
//	    severity_reason: Mostly somebody of ours debugging.   # why it is not another, for those who read alerts
//	    attack: [T1059.004, TA0002]             # MITRE ATT&CK techniques and tactics
//	    tags: [container, shell]
//	    throttle: {per: [container.id, proc.name], every: 1m}
//	    enabled: true                           # the default
//
// A later file changes what an earlier one defines by saying so. The first form of each pair replaces, the second adds:
//
//	lists:
//	  shells: {override: true, items: [bash]}
//	  shells: {append: [fish]}
//	macros:
//	  open_write: {override: true, condition: evt.is_open_write}
//	  open_write: {or: evt.type == "creat"}     # also {and: …}
//	rules:
//	  - {name: some rule, enabled: false}       # name and enabled alone need no override
//	  - {name: some rule, override: true, severity: LOW}   # the keys given are replaced, the others stay
//	  - {name: some rule, except: proc.name == "cron"}     # becomes (condition) && !(except); may be given by several files
//
// # Conditions
//
// A condition is an expression in CEL of type bool. Its types are bool, int, string, duration and lists of string and
// int; numbers are whole. It has
//
//   - fields, by Falco's names: proc.name, fd.sip, evt.arg.flags. A field that an event does not have reads as its zero
//     value ("", 0, false, an empty list), and has(proc.pname) tells whether it has it.
//   - keyed fields, with a constant key: proc.aname[2] (0 is the process itself, 1 its parent), container.label["app"],
//     k8s.pod.label["app"], proc.env["PATH"]; has(proc.aname[2]) works.
//   - list-valued fields: proc.aname, proc.aexe, proc.aexepath, proc.acmdline, proc.apid without a key are the values of
//     all ancestors, parent first; fd.ip and fd.port are both ends of a connection. So "sshd" in proc.aname,
//     proc.aname.exists(a, a in shells), 22 in fd.port.
//   - lists and macros by their bare names, and list literals: proc.name in shells, fd.sport in [22, 2222].
//   - && || ! == != < <= > >= in + - * / % and c ? a : b, parentheses, "text" or 'text', r"raw \d+".
//   - l.exists(v, p), l.all(v, p), l.exists_one(v, p), l[i], size(l), size(s), int(s), string(i), duration("5s").
//   - s.startsWith(x), s.endsWith(x), s.contains(x), s.icontains(x) (ASCII case ignored), s.glob(x), s.pmatch(x): x is a
//     string or a list, of which any may hold. glob is over the whole text; * and ? match also /. pmatch takes paths: the
//     text is one of them or lies below one, each component may be a glob.
//   - s.matches(r"…"): RE2, anywhere in the text; the pattern is a constant.
//   - s.basename(), s.dirname(), s.lower() (ASCII).
//   - inCIDR(fd.sip, "10.0.0.0/8"), inCIDR(fd.ip, ["10.0.0.0/8", "fd00::/8"]): the address, or any of a list of addresses,
//     lies in any of the networks. Addresses are text in canonical form: fd.sip == "10.0.0.1", fd.sip in k8s_api_servers.
//
// Symbolic arguments are text: evt.arg.flags.contains("O_TRUNC"), evt.arg.request == "PTRACE_ATTACH"; the numbers behind
// them are evt.rawarg.flags and so on. Facts about the container and pod (all of container.* but id, full_id and
// start_ts, and k8s.*) are missing until the container runtime has told them.
//
// evt.type == "execve" holds for every exec that succeeded, whichever call made it, and for execve calls that failed;
// evt.failed, evt.res ("SUCCESS", "ENOENT") and evt.rawres tell them apart. The event types that a rule can match are
// inferred from its condition; a rule that leaves them open is tried on every event and draws a warning.
//
// && and || give the result if one side decides it, as CEL has it; else an error of either side (a division by zero,
// an index out of range, int("x")) is the result. A condition that ends in an error is no match and is not silent
// either: it is counted for its rule and reported.
//
// # Outputs
//
// In an output, {field} stands for a field's value, {a|b} for that of the first field that has one, with "<NA>" where the
// event has none; {{ and }} are braces. Control and unprintable characters, invalid UTF-8 and the backslash are escaped as in a Go string literal.
//
// # Falco's rule files
//
// A file whose root is a list is one of Falco's, and is taken as it is. Package rules/falco reads it, and
// rules/falco/translate says its conditions in the language above. Macros and lists of Falco files are theirs alone: native
// files neither see nor change them. Of their rules the first that matches an event fires, behind all native ones, and
// nothing throttles them; see [FalcoOptions]. What Falco's priorities become:
//
//	Emergency, Alert, Critical    CRITICAL
//	Error                         HIGH
//	Warning                       MEDIUM
//	Notice, Informational, Debug  LOW
//
// Tags that are ids of ATT&CK, and mitre_execution and its like, become attack ids. What Falco means is kept: a comparison
// with a field that the event lacks is false, proc.aname without a number is any ancestor, fd.ip and fd.port are either end.
// Three things are otherwise:
//
//   - A type of event stands for newer calls that do the same, too (fchmodat for fchmodat2, open for open_by_handle_at where
//     the condition asks how a file was opened), and operations of io_uring count as the calls they replace. FalcoOptions.Exact
//     keeps to what Falco sees.
//   - A type, argument or field that Falco knows and the sensor does not see draws a warning; nothing matches it.
//   - fd.sip.name and its like compare with a list that the program fills ([Set.Domains]): a tests file gives it by the name
//     of Falco's list, or of the domain itself: lists: {api.example: [10.0.0.1]}.
//
// Two quirks of Falco are kept unless FalcoOptions mend them: fd.net in (a, b) looks at the first network alone, and a test of
// container.mount.dest[…] for the text <NA> never holds, since a mount that is not there has no text.
//
// # Tests
//
// Beside NAME.yaml stands NAME_test.yaml:
//
//	cases:
//	  - name: bash with a terminal
//	    event:
//	      evt.type: execve                      # required
//	      proc.name: bash
//	      proc.tty: 34816
//	      proc.aname: [containerd-shim, systemd]
//	      container.id: 3f1b2c4d5e6f            # "host" if no container.* or k8s.* field is given
//	      container.label["app"]: web
//	    match: [terminal_shell_in_container]
//	  - name: on the host
//	    event: {evt.type: execve, proc.name: bash, proc.tty: 34816}
//	    no_match: true
//	  - name: the address is the API server's
//	    lists: {k8s_api_servers: [10.96.0.1]}   # values of lists with from, for this case
//	    event: {evt.type: connect, fd.sip: 10.96.0.1, fd.sport: 443, container.id: 3f1b2c4d5e6f}
//	    match: [contact_k8s_api_server]
//	    output: {contact_k8s_api_server: "curl contacted 10.96.0.1:443"}    # optional: the whole text
//
// match names every rule of NAME.yaml that fires, and no other rule of NAME.yaml may; no_match: true says that none
// does, no_match: [rule] that this one does not. What an event does not give has no value, except what follows from
// what it gives: proc.cmdline from proc.name and proc.args, fd.directory from fd.name, evt.is_open_write from
// evt.arg.flags, user.name root from user.uid 0, fd.typechar from the kind of event and the addresses. A field that is
// only derived (evt.is_open_write, fd.directory, …) can't be given. The call succeeded unless evt.res or evt.rawres say
// otherwise; an open without evt.arg.flags is O_RDONLY, and fd.num is then 3.
package rules
