// How sensor, outputs and topics are.
import { el, table, pairs, number, bytes, span } from "./dom.js";
import { store } from "./store.js";

const box = (title, ...children) => el("section.box", el("h2", title), ...children);
const fine = (text) => el("p.sub", text);

function sensor(s) {
  const a = store.about;
  const list = [
    ["running for", span(s.now - s.started)], ["programs in the kernel", a.programs ? number(a.programs) : ""], ["kinds of event", a.kinds ? number(a.kinds) : ""],
    ["rules in force", a.rules ? `${number(a.rules)}, set ${a.rule_set.slice(0, 12)}` : ""], ["rules not taken", s.rules_error], ["impaired", s.impaired], ["conditions in error", s.rule_errors ? number(s.rule_errors) : ""],
    ["processes known", number(s.processes)], ["containers known", number(s.containers)], ["events suppressed", number(s.suppressed)],
    ["memory", `${bytes(s.totals.memory)}, with cloud and page`],
    ["last heartbeat", s.totals.last_heartbeat ? `${span(s.now - new Date(s.totals.last_heartbeat))} ago` : "none yet"],
    ["sensor", a.version], ["topic", a.topic], ["source of findings", a.source],
  ];
  return box("Sensor", pairs(list.filter(([, v]) => v).map(([name, value]) => ({ name, value }))));
}

function events(s) {
  const all = Object.entries(s.totals.events).sort((a, b) => b[1] - a[1]);
  if (!all.length) return box("Events", fine("None yet."));
  return box("Events by kind", table(["kind", "", "seen by rules"], all.map(([kind, n]) => {
    const bar = el("span.bar");
    bar.style.setProperty("--share", n / all[0][1]);
    return [kind, bar, n];
  })));
}

export function health() {
  const s = store.status;
  if (!s) return el("p.none", "Nothing is known yet.");
  return el("div.cards", sensor(s), events(s),
    box("Lost, or known in part", s.drops.length ? table(["reason", "kind", "count"], s.drops.map((d) => [d.reason, d.kind || "–", d.count])) : fine("Nothing was lost.")),
    box("Outputs", s.outputs.length ? table(["output", "state", "sent", "waiting", "lost"], s.outputs.map((o) => [o.error ? `${o.name}: ${o.error}` : o.name, o.state, o.sent, o.waiting, o.dropped])) : fine("None.")),
    box("Subscriptions", s.subscriptions?.length ? table(["subscription", "done", "refused", "backlog"], s.subscriptions.map((b) => [b.last_error ? `${b.name}: ${b.last_error}` : b.name, b.acked, b.nacked, b.backlog])) : fine("None.")));
}
