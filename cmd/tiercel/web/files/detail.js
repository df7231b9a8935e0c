// The detail of an alert, a finding or a rule.
import { $, el, pairs, pill, number } from "./dom.js";
import { resultParts, mailParts } from "./fleet.js";
import { store } from "./store.js";

function head(severity, title, said, sub) {
  const h = el("h2", title);
  h.id = "detail-title";
  h.tabIndex = -1;
  const close = el("button.close", "Close");
  close.type = "button";
  close.id = "close";
  return [el("div.top", el("div", pill(severity), h, el("p.sub", sub)), close), said ? el("p.said." + severity, said) : null];
}

// near is how many processes above the acting one are shown at first: what a machine begins with says little.
const near = 4;

// lineage shows processes, the eldest of those that are shown first.
function lineage(list, all) {
  const from = all ? 0 : Math.max(0, list.length - 1 - near);
  const tree = el("ol.tree", ...list.slice(from).map((p, i, shown) => {
    const li = el(i === shown.length - 1 ? "li.acting" : "li", el("div.cmd", p.command_line),
      el("small", `${p.pid} ${p.name} · ${p.user}`, p.path ? ` · ${p.path}` : "", p.note ? ` · ${p.note}` : ""));
    li.style.setProperty("--depth", i);
    return li;
  }));
  if (!from) return tree;
  const more = el("button.plain", `${from} more above`);
  more.type = "button";
  const both = el("div", more, tree);
  more.addEventListener("click", () => {
    const whole = lineage(list, true);
    both.replaceWith(whole);
    whole.firstElementChild.tabIndex = -1;
    whole.firstElementChild.focus();
  });
  return both;
}

function why(w) {
  const rule = el("button.plain", "Open the rule");
  rule.type = "button";
  rule.dataset.key = "rule/" + w.name;
  return [
    el("h3", "Why it fired"), el("p", w.description || w.name),
    w.condition ? el("pre.condition", w.condition) : el("p.sub", "The rule is not among those in force."),
    w.changed ? el("p.sub", "The rules have changed since; this is the condition in force now.") : null,
    el("h3", "What its fields were"), w.fields.length ? pairs(w.fields, true) : el("p.sub", "Its output names none."),
    w.fields.some((f) => f.used) ? el("p.sub", "Those in colour stand in the condition.") : null,
    el("p", rule),
  ];
}

function rest(d) {
  const json = el("details.json", el("summary", "Whole message as JSON"), el("pre", d.json));
  return [...d.sections.flatMap((s) => [el("h3", s.title), pairs(s.pairs)]), json];
}

function ruleDetail(r) {
  const hits = store.status?.totals.alerts[r.name] ?? 0;
  const only = el("button.plain", "Show its alerts");
  only.type = "button";
  only.dataset.filter = r.name;
  const list = [["name", r.name], ["alerts", number(hits)], ["tags", r.tags], ["ATT&CK", r.attack], ["source", r.source]];
  return [
    ...head(r.enabled ? r.severity : "OFF", r.title || r.name, "", r.name), el("h3", "What it is for"), el("p", r.description || "Its author does not say."),
    el("h3", "Condition"), el("pre.condition", r.condition), el("h3", "About"),
    pairs(list.filter(([, v]) => v).map(([name, value]) => ({ name, value }))), el("p", only),
  ];
}

const gone = (what) => [...head("GONE", `This ${what} is no longer kept`, "", "The newest are; counts go on."), null];

async function load(address) {
  const answer = await fetch(address);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.json();
}

async function content(kind, key) {
  if (kind === "rule") {
    const r = store.rules.find((r) => r.name === key);
    return r ? ruleDetail(r) : gone("rule");
  }
  if (kind === "result") {
    const r = store.fleet?.results.find((r) => r.id === key);
    return r ? [...head(r.severity || r.verdict, r.title, r.reason, `${r.check} · ${r.place}`), ...resultParts(r)] : gone("result");
  }
  if (kind === "mail") {
    const m = store.fleet?.mails.find((m) => String(m.number) === key);
    return m ? [...head("MAIL", m.subject, "", `to ${m.to} · ${m.time}`), ...mailParts(m)] : gone("mail");
  }
  const row = (kind === "alert" ? store.alerts : store.findings).get(key);
  const d = await load(kind === "alert" ? `/alert?id=${encodeURIComponent(key)}` : `/finding?name=${encodeURIComponent(key)}`);
  if (!d || !row) return gone(kind);
  const events = kind === "alert" ? row.events : row.count;
  const sub = `${kind === "alert" ? row.rule : row.state} · ${kind === "alert" ? row.time : row.last} · ${row.place}${events > 1 ? ` · ${number(events)} events` : ""}`;
  const top = head(row.severity, kind === "alert" ? row.title : row.category, row.output, sub);
  if (kind === "finding") return [...top, ...rest(d)];
  return [...top, d.processes ? el("h3", "Processes, down to the one that acted") : null, d.processes ? lineage(d.processes) : null, ...why(d.why), ...rest(d)];
}

let asked = 0;

// show fills the detail. What was asked for later wins.
export async function show(kind, key) {
  const mine = ++asked;
  let parts;
  try {
    parts = await content(kind, key);
  } catch (err) {
    parts = head("GONE", "It could not be read", "", String(err.message));
  }
  if (mine !== asked) return false;
  const box = $("detail");
  box.replaceChildren(...parts.filter(Boolean));
  box.hidden = false;
  box.scrollTop = 0;
  return true;
}

export function hide() {
  asked++;
  $("detail").hidden = true;
  $("detail").replaceChildren();
}
