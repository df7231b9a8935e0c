// What the page knows: the server's board, kept true by its events. The server keeps no more rows than this.
export const kept = 1000;
const keptPoints = 600;

export const store = {
  run: "", about: {}, alerts: new Map(), findings: new Map(), rules: [], asides: [], points: [], status: null, fleet: null, ended: false,
};

// put adds a row or replaces the one of that key where it stands, and lets the oldest go.
function put(map, key, row) {
  map.set(key, row);
  if (map.size > kept) map.delete(map.keys().next().value);
}

function point(p) {
  store.points.push(p);
  if (store.points.length > keptPoints) store.points.splice(0, store.points.length - keptPoints);
}

// apply takes an event of the stream. It returns what of the page is to be drawn anew.
export const apply = {
  snapshot(all) {
    Object.assign(store, { run: all.run, about: all.about, rules: all.rules, asides: all.asides, points: all.points ?? [], status: all.status, fleet: all.fleet, ended: false });
    store.alerts = new Map(all.alerts.map((a) => [a.id, a]));
    store.findings = new Map(all.findings.map((f) => [f.name, f]));
    return ["about", "status", "rows"];
  },
  alert(row) {
    put(store.alerts, row.id, row);
    return ["alerts"];
  },
  finding(row) {
    put(store.findings, row.name, row);
    return ["findings"];
  },
  status(status) {
    store.status = status;
    if (status.point) point(status.point);
    return ["status"];
  },
  rules({ about, rules }) {
    Object.assign(store, { about, rules });
    return ["about", "rules"];
  },
  asides(asides) {
    store.asides = asides ?? [];
    return ["asides"];
  },
  fleet(fleet) {
    store.fleet = fleet;
    return ["clusters", "mails"];
  },
  end(status) {
    Object.assign(store, { status, ended: true });
    return ["status", "about"];
  },
};

const rank = { LOW: 1, MEDIUM: 2, HIGH: 3, CRITICAL: 4 };

// matcher makes a test of rows from the words of a filter: all must be in the row, and none with a minus.
export function matcher(text, least) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const want = words.filter((w) => w[0] !== "-"), not = words.filter((w) => w[0] === "-" && w.length > 1).map((w) => w.slice(1));
  return (row) => {
    if (row.severity && (rank[row.severity] ?? 0) < least) return false;
    const all = Object.values(row).join("\n").toLowerCase();
    return want.every((w) => all.includes(w)) && !not.some((w) => all.includes(w));
  };
}
