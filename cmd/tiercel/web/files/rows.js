// Rows of the lists: each is one button, which opens its detail.
import { el, clock, pill, number } from "./dom.js";

function row(key, ...children) {
  const b = el("button.row", ...children);
  b.type = "button";
  b.dataset.key = key;
  const li = el("li", b);
  li.dataset.key = key;
  return li;
}

const times = (n) => (n > 1 ? el("span.times", ` ×${number(n)}`) : null);

export const rowOf = {
  alerts: (a) => row("alert/" + a.id, clock(a.time), pill(a.severity),
    el("span.what", el("span.title", a.title, times(a.events)), el("span.text", a.output)), el("span.place", a.place)),
  findings: (f) => row("finding/" + f.name, clock(f.last), pill(f.severity),
    el("span.what", el("span.title", f.category, times(f.count)), el("span.text", f.output || f.id)), el("span.place", pill(f.state), ` ${f.place}`)),
  rules: (r, hits) => row("rule/" + r.name, el("span.times", hits ? number(hits) : "–"), pill(r.enabled ? r.severity : "OFF"),
    el("span.what", el("span.title", r.title || r.name), el("span.text", r.name)), el("span.place", r.tags)),
};

// asideOf is a message that was put aside; there is nothing more to open.
export function asideOf(a) {
  return el("li", el("div.box",
    el("p", pill(a.topic === "dead letter" ? "DEAD LETTER" : "QUARANTINE"), " ", clock(a.time), ` message ${a.id}`),
    el("p.said", a.reason || "no reason is given"),
    el("p.sub", `from ${a.subscription || "an unknown subscription"}`, a.attempts ? `, delivered ${a.attempts} times` : ""),
    el("pre", a.data || "(empty)")));
}
