// How clusters are: their score, what is wrong with them, the rotations under way, and the mails that said so.
import { el, pill, pairs, clock, number } from "./dom.js";
import { store } from "./store.js";

const cell = (value, ...classes) => el(["td", ...classes].join("."), value === null || value === "" ? "–" : value);
const day = (text) => (text ? text.slice(0, 16).replace("T", " ") : "–");

function score(f) {
  const by = f.before === null ? 0 : Math.round(f.score) - Math.round(f.before);
  const change = f.before === null ? "first run" : by === 0 ? "as before" : `${by > 0 ? "+" : "−"}${Math.abs(by)} since the run before`;
  return el("div.score", el("strong", String(Math.round(f.score))), el("div", el("p", "of 100 for hardening"),
    el("p.sub", `${change} · run of ${day(f.run)} UTC`), f.sample ? el("p.sub", "The clusters are simulated; their days pass in seconds.") : null));
}

function clusterTable(f) {
  const heads = ["cluster", "score", "critical", "high", "medium", "low", "unknown", "version", "goes to", "CA days", "policies", "rotation"];
  const t = el("table", el("thead", el("tr", ...heads.map((h, i) => el(i > 0 && i < 7 || i === 9 || i === 10 ? "th.n" : "th", h)))), el("tbody"));
  for (const c of f.clusters) {
    t.tBodies[0].append(el("tr", cell(c.name), cell(c.score === null ? null : number(c.score), "n"),
      ...c.open.map((n, i) => cell(n ? number(n) : null, "n", ...(n ? ["s" + (4 - i)] : []))), cell(c.unknown ? number(c.unknown) : null, "n"),
      cell(c.version), cell(c.target), cell(c.ca_days === null ? null : number(c.ca_days), "n"), cell(c.network === null ? null : `${c.network} %`, "n"), cell(c.rotation)));
  }
  return el("div.scroll", t);
}

function rotation(r) {
  const steps = el("ol.steps", ...r.steps.map((s, i) => el(i === r.steps.length - 1 ? "li.now" : "li", el("strong", s.state), el("small", day(s.at)))));
  return el("section.box", el("h2", `Credentials of ${r.cluster}`), steps, r.reason ? el("p", r.reason) : null, r.next ? el("p.sub", r.next) : null,
    ...r.blockers.map((b) => el("p.said", b)), r.deadlines.length ? pairs(r.deadlines) : null);
}

const marks = { new: "NEW", fixed: "FIXED", regressed: "REGRESSED" };

function resultRow(r) {
  const b = el("button.row", el("span.times", r.mark ? pill(marks[r.mark]) : ""), pill(r.verdict === "FAIL" || r.verdict === "WARN" ? r.severity : r.verdict),
    el("span.what", el("span.title", r.title || r.check), el("span.text", r.reason || r.evidence.map((e) => `${e.name} = ${e.value}`).join(", "))), el("span.place", r.place));
  b.type = "button";
  b.dataset.key = "result/" + r.id;
  return el("li", b);
}

export function clusters(match) {
  const f = store.fleet;
  if (!f) return el("p.none", "Nothing is known of clusters yet.");
  const some = f.results.filter(match);
  const idle = (r) => r.state === "IDLE" && r.steps.length < 2;
  return el("div.fleet", score(f), clusterTable(f), el("div.cards", ...f.rotations.filter((r) => !idle(r)).map(rotation)),
    el("h2", "What to put right"), some.length ? el("ol.rows", ...some.map(resultRow)) : el("p.none", f.results.length ? "Nothing matches the filter." : "Nothing."),
    f.open > f.results.length ? el("p.sub", `${number(f.open)} in all; the worst are shown.`) : null);
}

export function mails(match) {
  const some = (store.fleet?.mails ?? []).filter(match);
  if (!some.length) return el("p.none", "No mail was sent yet.");
  return el("ol.rows", ...some.map((m) => {
    const b = el("button.row", clock(m.time), el("span"), el("span.what", el("span.title", m.subject), el("span.text", m.to)), el("span.place", `mail ${m.number}`));
    b.type = "button";
    b.dataset.key = "mail/" + m.number;
    return el("li", b);
  }));
}

// resultParts are what the detail says of a result, without its head.
export function resultParts(r) {
  return [
    el("h3", "Why it matters"), el("p", r.why || "The check does not say."), el("h3", "What was found"),
    r.evidence.length ? pairs(r.evidence, true) : el("p.sub", r.reason || "Nothing more."), r.evidence.length && r.reason ? el("p.sub", r.reason) : null,
    r.commands.length || r.fix ? el("h3", "How to put it right") : null, ...r.commands.map((c) => el("pre.condition", c)), r.fix ? el("p", r.fix) : null,
    r.disruption ? el("p.sub", `Disruption: ${r.disruption}.`) : null, el("h3", "About"),
    pairs([["check", r.check], ["verdict", r.verdict], ["benchmarks", r.benchmarks]].filter(([, v]) => v).map(([name, value]) => ({ name, value }))),
  ];
}

// mailParts show a mail as a mail program would: its markup is another's, and may do nothing.
export function mailParts(m) {
  const frame = el("iframe");
  frame.setAttribute("sandbox", "");
  frame.src = `/mail/${m.number}/html`;
  frame.title = m.subject;
  const text = el("a", "Its plain text");
  text.href = `/mail/${m.number}/text`;
  text.target = "_blank";
  text.rel = "noopener";
  return [frame, el("p.sub", text)];
}
