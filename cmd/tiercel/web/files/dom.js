// Elements. Text goes in as text alone; the page's policy has the browser refuse markup made from strings.

export const $ = (id) => document.getElementById(id);

// el makes an element of a tag with classes, as in "li.row.HIGH", and gives it children: elements and texts.
export function el(name, ...children) {
  const [tag, ...classes] = name.split(".");
  const e = document.createElement(tag);
  e.classList.add(...classes.filter(Boolean));
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return e;
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const number = (n) => whole.format(Math.round(n));
export const brief = (n) => (n < 10000 ? (n > 0 && n < 10 && n % 1 ? n.toFixed(1) : number(n)) : short.format(n));
// big is exact up to a million, so that it can be compared, and short above.
export const big = (n) => (n < 1e6 ? number(n) : short.format(n));
export const count = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

export function bytes(n) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024 || unit === "GiB") return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
}

export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

// clock shows a time (RFC 3339) as this machine's time of day, and all of it on hover.
export function clock(text) {
  const at = new Date(text);
  const e = el("time", isNaN(at) ? text : at.toLocaleTimeString("en-GB"));
  if (!isNaN(at)) e.dateTime = at.toISOString();
  e.title = text;
  return e;
}

export const pill = (word) => el("span.pill." + word.replace(/[^A-Z_]/g, ""), word);

// pairs is a list of names and values.
export function pairs(list, code) {
  const dl = el(code ? "dl.code" : "dl");
  for (const p of list) dl.append(el(p.used ? "dt.used" : "dt", p.name), el("dd", p.value));
  return dl;
}

// table makes rows of cells; numbers stand to the right.
export function table(heads, rows) {
  const cell = (tag, value) => el(typeof value === "number" ? tag + ".n" : tag, typeof value === "number" ? number(value) : value);
  const numeric = heads.map((_, i) => rows.length > 0 && typeof rows[0][i] === "number");
  const t = el("table", el("thead", el("tr", ...heads.map((h, i) => el(numeric[i] ? "th.n" : "th", h)))));
  t.append(el("tbody", ...rows.map((row) => el("tr", ...row.map((v) => cell("td", v))))));
  return t;
}
