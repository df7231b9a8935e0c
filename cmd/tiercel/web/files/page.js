// The page: it follows the server's events and draws what changed, once a frame.
import { $, el, number, brief, big, count } from "./dom.js";
import { store, apply, matcher, kept } from "./store.js";
import { drawEvents, drawAlerts } from "./chart.js";
import { rowOf, asideOf } from "./rows.js";
import { show, hide } from "./detail.js";
import { health } from "./health.js";
import { clusters, mails } from "./fleet.js";

const views = ["alerts", "findings", "rules", "health", "asides", "clusters", "mails"];
let view = "alerts";
let opened = null; // the key of what the detail shows
const dirty = new Set();

function draw(...parts) {
  if (!dirty.size) requestAnimationFrame(drawNow);
  for (const p of parts) dirty.add(p);
}

function drawNow() {
  const parts = new Set(dirty);
  dirty.clear();
  if (parts.has("about")) drawAbout();
  if (parts.has("status") || parts.has("size")) drawStatus();
  if (parts.has("rows") || parts.has(view) || (view === "rules" && parts.has("status")) || (view === "health" && parts.has("status"))) drawRows();
  drawTabs();
}

function drawAbout() {
  const a = store.about;
  const where = [a.replay ? "replay of a recording · " : "", a.node, " · ", el("span.wide", "Linux "), a.kernel, el("span.wide", ` ${a.arch}`, a.programs ? ` · ${a.programs} programs in the kernel` : ""), ` · ${count(a.rules, "rule", "rules")}`];
  $("about").replaceChildren(...(a.node ? where : ["Waiting for the sensor"]));
  document.title = store.ended ? "Tiercel (ended)" : `Tiercel ${a.node ?? ""}`;
}

function drawStatus() {
  const s = store.status;
  if (!s) return;
  const t = s.totals, sum = (o) => Object.values(o).reduce((a, n) => a + n, 0);
  $("n-events").textContent = brief(store.points.at(-1)?.events ?? 0);
  $("n-alerts").textContent = big(sum(t.alerts));
  $("n-severities").textContent = ["CRITICAL", "HIGH", "MEDIUM", "LOW"].filter((k) => t.severities[k]).map((k) => `${number(t.severities[k])} ${k.toLowerCase()}`).join(", ");
  $("n-findings").textContent = big(t.findings);
  $("n-finding-events").textContent = t.findings ? `of ${count(t.finding_events, "event", "events")}` : "";
  const lost = t.lost + t.lost_by_outputs, aside = t.quarantined + t.dead;
  $("n-lost").textContent = big(lost);
  $("n-part").textContent = t.in_part ? `${number(t.in_part)} known in part` : "";
  $("lost").classList.toggle("bad", lost > 0);
  $("n-aside").textContent = big(aside);
  $("aside").classList.toggle("bad", aside > 0);
  drawEvents($("chart-events"), store.points, s.now);
  drawAlerts($("chart-alerts"), store.points, s.now);
}

function drawTabs() {
  const numbers = {
    alerts: store.alerts.size, findings: store.findings.size, rules: store.rules.length, asides: store.asides.length,
    clusters: store.fleet?.open ?? 0, mails: store.fleet?.mails.length ?? 0,
  };
  for (const name of views) {
    if (name === "clusters" || name === "mails") $("tab-" + name).hidden = !store.fleet;
    const tab = $("tab-" + name), n = numbers[name];
    tab.setAttribute("aria-selected", String(name === view));
    tab.tabIndex = name === view ? 0 : -1;
    let mark = tab.querySelector("span");
    if (!mark) tab.append((mark = el("span")));
    mark.textContent = n ? number(n) : "";
  }
  $("list").setAttribute("aria-labelledby", "tab-" + view);
}

const empty = {
  alerts: ["No alert yet. In another terminal: ", el("code", "cat /etc/shadow")],
  findings: ["No finding yet; they follow alerts within a second."],
  rules: ["No rules are known yet."],
  asides: ["Nothing was put aside: every message was handled."],
};

// order lists a view's rows as they are shown, the newest or the most telling first.
const order = {
  alerts: () => [...store.alerts.values()].reverse(),
  findings: () => [...store.findings.values()].sort((a, b) => (a.last < b.last ? 1 : -1)),
  rules() {
    const hits = store.status?.totals.alerts ?? {};
    return [...store.rules].sort((a, b) => (hits[b.name] ?? 0) - (hits[a.name] ?? 0));
  },
};

let list = null; // the <ol> on show, for reuse of its rows
let shownRows = new Map(); // key of a row → what it was made of

function drawRows() {
  const box = $("rows");
  if (view === "health") {
    $("count").textContent = "";
    reset();
    box.replaceChildren(health());
    return;
  }
  const match = matcher($("filter").value, Number($("least").value));
  if (view === "clusters" || view === "mails") {
    $("count").textContent = "";
    const focused = document.activeElement?.dataset.key;
    reset();
    box.replaceChildren(view === "clusters" ? clusters(match) : mails(match));
    if (focused) [...box.querySelectorAll(".row")].find((b) => b.dataset.key === focused)?.focus({ preventScroll: true });
    mark();
    return;
  }
  const all = view === "asides" ? store.asides : order[view]();
  const some = all.filter(match);
  $("count").textContent = some.length === all.length ? "" : `${count(some.length, "of", "of")} ${number(all.length)} shown`;
  if (view === "alerts" && store.alerts.size >= kept && some.length === all.length) $("count").textContent = `The newest ${number(kept)}; older ones are counted above and in the summary.`;
  if (!some.length) {
    reset();
    box.replaceChildren(el("p.none", ...(all.length ? ["Nothing matches the filter."] : empty[view])));
    return;
  }
  if (view === "asides") {
    reset();
    box.replaceChildren(el("ol.cards", ...some.map(asideOf)));
    return;
  }
  if (!list) {
    list = el("ol.rows");
    box.replaceChildren(list);
  }
  place(some);
}

function reset() {
  list = null;
  shownRows = new Map();
}

// place has the list show these, and touches only rows that changed: focus and scrolling stay where they are.
function place(some) {
  const first = !list.childElementCount, hits = store.status?.totals.alerts ?? {}, next = new Map();
  let at = list.firstElementChild;
  for (const data of some) {
    const key = data.id && view === "alerts" ? data.id : data.name;
    const text = JSON.stringify(data) + (view === "rules" ? hits[data.name] ?? 0 : "");
    let old = shownRows.get(key);
    if (!old || old.text !== text) {
      const li = rowOf[view](data, hits[data.name]);
      if (!first) li.classList.add("new");
      if (old) {
        const focused = old.li.contains(document.activeElement);
        if (at === old.li) at = li;
        old.li.replaceWith(li);
        if (focused) li.firstElementChild.focus();
      }
      old = { li, text };
    }
    next.set(key, old);
    shownRows.delete(key);
    if (old.li === at) at = at.nextElementSibling;
    else list.insertBefore(old.li, at);
  }
  for (const { li } of shownRows.values()) li.remove();
  shownRows = next;
  mark();
}

// mark shows which row the detail is of.
function mark() {
  for (const b of document.querySelectorAll(".row")) {
    if (b.dataset.key === opened) b.setAttribute("aria-current", "true");
    else b.removeAttribute("aria-current");
  }
}

// The address says what is on show, so that Back closes a detail and a reload comes back to it.
function go(key) {
  if (location.hash.slice(1) !== key) location.hash = key;
}

async function follow() {
  let hash = location.hash.slice(1);
  try {
    hash = decodeURIComponent(hash);
  } catch {
    hash = ""; // not an address of this page's
  }
  const [kind, ...rest] = hash.split("/");
  const before = opened;
  if (views.includes(kind)) {
    if (view !== kind) reset();
    view = kind;
    const tab = $("tab-" + kind), tabs = tab.parentElement;
    tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2; // a phone has not room for all
  }
  if (["alert", "finding", "rule", "result", "mail"].includes(kind) && rest.length) {
    opened = hash;
    $("main").classList.add("open");
    if (await show(kind, rest.join("/"))) $("detail-title").focus({ preventScroll: innerWidth >= 1000 });
    if (innerWidth < 1000) $("bar").scrollIntoView();
  } else {
    opened = null;
    $("main").classList.remove("open");
    hide();
    if (before) [...document.querySelectorAll(".row")].find((b) => b.dataset.key === before)?.focus();
  }
  mark();
  draw("rows");
}

const closeDetail = () => go(view);

function move(by) {
  const rows = [...document.querySelectorAll(".row")];
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  const from = at >= 0 ? at : rows.findIndex((b) => b.dataset.key === opened);
  const to = rows[Math.min(Math.max(from < 0 ? 0 : from + by, 0), rows.length - 1)];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (e) => {
  const b = e.target.closest("button");
  if (!b) return;
  if (b.dataset.view) go(b.dataset.view);
  else if (b.dataset.key) go(b.dataset.key);
  else if (b.dataset.filter) {
    $("filter").value = b.dataset.filter;
    go("alerts");
  } else if (b.id === "close") closeDetail();
});

document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  const typing = e.target.matches("input, select, textarea");
  if (e.key === "Escape") {
    if (e.target === $("filter") && $("filter").value) {
      $("filter").value = "";
      draw("rows");
    } else if (opened) closeDetail();
    else e.target.blur();
    return;
  }
  if (e.target.matches("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(e.key)) {
    // From the tab that has the focus: what is on show follows the address, a moment later.
    const shown = views.filter((name) => !$("tab-" + name).hidden);
    const to = shown[(shown.indexOf(e.target.dataset.view) + (e.key === "ArrowLeft" ? shown.length - 1 : 1)) % shown.length];
    go(to);
    $("tab-" + to).focus();
    return;
  }
  if (typing) return;
  const row = e.target.matches(".row");
  if (e.key === "/") $("filter").focus();
  else if (e.key === "j" || (row && e.key === "ArrowDown")) move(1);
  else if (e.key === "k" || (row && e.key === "ArrowUp")) move(-1);
  else if (e.key >= "1" && e.key <= "7" && !$("tab-" + views[e.key - 1]).hidden) go(views[e.key - 1]);
  else return;
  e.preventDefault();
});

// When the key is up again: while it is down, it would press the row that has the focus then.
$("filter").addEventListener("keyup", (e) => {
  if (e.key === "Enter" && !e.isComposing) move(0);
});
$("filter").addEventListener("input", () => draw("rows"));
$("least").addEventListener("change", () => draw("rows"));
addEventListener("hashchange", follow);
new ResizeObserver(() => draw("size")).observe($("rates"));

function connect() {
  const source = new EventSource("/events");
  const link = (state, text) => {
    $("link").dataset.state = state;
    $("link").textContent = text;
  };
  source.onopen = () => link("live", "live");
  source.onerror = () => {
    link("lost", store.ended ? "the run has ended" : "connection lost, trying again");
    // The browser tries again by itself unless the server refused, as it does when too many watch.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
  let loaded = false;
  for (const [name, take] of Object.entries(apply)) {
    source.addEventListener(name, (e) => {
      draw(...take(JSON.parse(e.data)));
      if (name === "snapshot" && !loaded) {
        loaded = true;
        follow();
      }
    });
  }
}

drawTabs();
connect();
