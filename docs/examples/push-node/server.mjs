// Takes alerts that Pub/Sub pushes to it, with a wrapper or without, and writes a line of JSON for each to its standard output.
// It needs Node.js 20 or newer, and no package.
//
//   AUDIENCE=https://alerts.example.com PUSHER=tiercel-push@PROJECT.iam.gserviceaccount.com node server.mjs
import { createPublicKey, verify } from "node:crypto";
import { createServer } from "node:http";

const { AUDIENCE, PUSHER, PORT = "8080", KEYS = "https://www.googleapis.com/oauth2/v3/certs" } = process.env;
const ISSUERS = ["https://accounts.google.com", "accounts.google.com"];
const MAX_BODY = 15 << 20;

// Google's keys, kept for an hour. A key that is not among them has them read again, once a minute at most.
let keys = { at: 0, byId: new Map() };
async function keyOf(id) {
  const age = Date.now() - keys.at;
  if (age > 3600_000 || (!keys.byId.has(id) && age > 60_000)) {
    const set = await (await fetch(KEYS)).json();
    keys = { at: Date.now(), byId: new Map(set.keys.map((k) => [k.kid, createPublicKey({ key: k, format: "jwk" })])) };
  }
  return keys.byId.get(id);
}

// Checks the token's signature, then whom it is for, whose it is, who issued it and until when.
async function authentic(authorization) {
  const [head, payload, signature, more] = (authorization ?? "").replace(/^Bearer /, "").split(".");
  if (!signature || more !== undefined) return false;
  const json = (part) => JSON.parse(Buffer.from(part, "base64url"));
  const { alg, kid } = json(head);
  const key = alg === "RS256" && (await keyOf(kid));
  if (!key || !verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"))) return false;
  const claims = json(payload);
  return (
    claims.aud === AUDIENCE && claims.email === PUSHER && claims.email_verified === true &&
    ISSUERS.includes(claims.iss) && claims.exp * 1000 > Date.now()
  );
}

async function bodyOf(request) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    if ((size += part.length) > MAX_BODY) throw new Error("too large");
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

// Without a wrapper the body is the alert, and Pub/Sub's headers say that it is one.
function alertOf(request, body) {
  if (request.headers["x-goog-pubsub-message-id"]) return JSON.parse(body);
  return JSON.parse(Buffer.from(JSON.parse(body).message.data, "base64"));
}

// May be called twice for the same alert: what it hands on has the key by which the next knows it again.
function act(alert) {
  if (alert.kind !== "ALERT" || alert.enrichment?.policy?.muted) return;
  const { alert_id: once, severity, output: text = "" } = alert;
  const thing = `${alert.cluster?.name ?? ""}/${alert.identity}`;
  console.log(legible(JSON.stringify({ once, thing, severity, title: alert.rule?.title ?? "", text })));
}

// JSON leaves in what a terminal acts on beyond ASCII: C1 controls, marks of text direction. What a program chose to write is such.
function legible(json) {
  return json.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]/gu, (c) =>
    c.split("").map((unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")).join(""));
}

const server = createServer(async (request, response) => {
  let status = 503; // delivered again, and after 50 times a dead letter
  try {
    if (await authentic(request.headers.authorization).catch(() => false)) {
      status = 400;
      const alert = alertOf(request, await bodyOf(request));
      status = 503;
      act(alert);
      status = 204; // only now: what is not acknowledged comes again
    } else {
      status = 403;
    }
  } catch (error) {
    console.error(status, JSON.stringify(error.message));
  }
  response.writeHead(status).end();
});
server.listen(Number(PORT), () => console.error(`listening on ${server.address().port}`));
