// Rates as pictures: up to the newest five minutes, drawn anew with each point.
import { brief } from "./dom.js";

const leastMs = 60000, mostMs = 300000;

// spanOf is how much of the past is shown: the run grows to the right until it fills five minutes.
const spanOf = (points, now) => Math.min(Math.max(now - (points[0]?.at ?? now), leastMs), mostMs);
const left = 40, right = 6, top = 8, bottom = 18;

function svg(tag, attributes, ...children) {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e;
}

// ceiling is the next number that reads well: 1, 2, 5, 10, 20, …
function ceiling(n, least) {
  for (let step = least; ; step *= 10) {
    for (const m of [1, 2, 5]) if (n <= m * step) return m * step;
  }
}

function frame(box, now, shownMs, most, label) {
  const w = Math.max(box.clientWidth, 120), h = Math.max(box.clientHeight, 60);
  const x = (at) => left + ((at - now + shownMs) / shownMs) * (w - left - right);
  const y = (v) => h - bottom - (v / most) * (h - top - bottom);
  const picture = svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": label });
  for (const part of [0, 0.5, 1]) {
    const v = most * part;
    picture.append(svg("line", { class: "grid", x1: left, x2: w - right, y1: y(v), y2: y(v) }));
    if (Number.isInteger(v)) picture.append(svg("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, brief(v)));
  }
  const step = (shownMs > 150000 ? 60 : shownMs > 90000 ? 30 : 15) * (w < 420 ? 2 : 1);
  for (let s = 0; s * 1000 <= shownMs - 5000; s += step) {
    const text = s === 0 ? "now" : step % 60 ? `−${s} s` : `−${s / 60} min`;
    picture.append(svg("text", { x: x(now - s * 1000), y: h - 4, "text-anchor": s ? "middle" : "end" }, text));
  }
  return { picture, x, y, base: y(0), w };
}

export function drawEvents(box, points, now) {
  const shownMs = spanOf(points, now);
  const seen = points.filter((p) => p.at >= now - shownMs);
  const most = ceiling(Math.max(1, ...seen.map((p) => Math.max(p.events, p.drops))), 10);
  const last = seen.at(-1) ?? { events: 0, drops: 0 };
  const f = frame(box, now, shownMs, most, `Events a second: now ${brief(last.events)}, at most ${brief(Math.max(0, ...seen.map((p) => p.events)))}`);
  if (seen.length > 1) {
    const line = (value) => seen.map((p) => `${f.x(p.at).toFixed(1)},${f.y(value(p)).toFixed(1)}`).join(" ");
    const events = line((p) => p.events);
    f.picture.append(
      svg("polygon", { class: "area", points: `${f.x(seen[0].at).toFixed(1)},${f.base} ${events} ${f.x(last.at).toFixed(1)},${f.base}` }),
      svg("polyline", { class: "events", points: events }),
    );
    if (seen.some((p) => p.drops > 0)) f.picture.append(svg("polyline", { class: "drops", points: line((p) => p.drops) }));
  }
  box.replaceChildren(f.picture);
}

// drawAlerts draws a bar for every few seconds, whose parts are severities.
export function drawAlerts(box, points, now) {
  const shownMs = spanOf(points, now), every = shownMs > 150000 ? 5000 : shownMs > 90000 ? 2000 : 1000, bars = new Map();
  for (const p of points) {
    if (p.at <= now - shownMs) continue;
    const slot = Math.floor(p.at / every);
    const bar = bars.get(slot) ?? [0, 0, 0, 0, 0];
    p.alerts.forEach((n, s) => (bar[s] += n));
    bars.set(slot, bar);
  }
  const sums = [...bars.values()].map((b) => b.reduce((a, n) => a + n, 0));
  const most = ceiling(Math.max(1, ...sums), 1);
  const f = frame(box, now, shownMs, most, `Alerts: ${sums.reduce((a, n) => a + n, 0)}`);
  const width = Math.max(2, ((f.w - left - right) * every) / shownMs - 1.5);
  for (const [slot, bar] of bars) {
    let below = 0;
    bar.forEach((n, s) => {
      if (!n) return;
      const height = Math.max(f.y(0) - f.y(n), 1);
      const x = Math.max(left, Math.min(f.x(slot * every), f.w - right - width));
      f.picture.append(svg("rect", { class: `s${s}`, x: x.toFixed(1), y: (f.y(below) - height).toFixed(1), width: width.toFixed(1), height: height.toFixed(1), rx: 1 }));
      below += n;
    });
  }
  box.replaceChildren(f.picture);
}
