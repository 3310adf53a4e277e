// Talks to the proxy with the viewer's own key, which lives in this tab's sessionStorage only.
const KEPT_AS = "tiering-key";
const PATIENCE_MS = 12_000;
const MOST_CHARS = 8_000_000;
// Beside wherever this page stands, so that a proxy under a path of its own (SERVER_ROOT_PATH) works too.
const BASE = location.pathname.replace(/\/+$/, "") + "/";

class Trouble extends Error {
  constructor(kind, words, status) {
    super(words);
    this.kind = kind; // key | forbidden | missing | asked | proxy
    this.status = status || 0;
  }
}

const session = { key: "", stop: new AbortController() };
function keep(key) {
  session.stop.abort();
  session.stop = new AbortController();
  session.key = key;
  try {
    if (key) sessionStorage.setItem(KEPT_AS, key);
    else sessionStorage.removeItem(KEPT_AS);
  } catch { /* a browser that keeps nothing: the key lasts until the page is left */ }
}
function kept() {
  try {
    return sessionStorage.getItem(KEPT_AS) || "";
  } catch {
    return "";
  }
}

async function call(path, { method = "GET", body } = {}) {
  const headers = { authorization: "Bearer " + session.key, accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  const patience = new AbortController(), leaving = session.stop.signal;
  const give = () => patience.abort();
  const timer = setTimeout(give, PATIENCE_MS);
  leaving.addEventListener("abort", give);
  try {
    const answer = await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      signal: patience.signal, cache: "no-store", credentials: "omit", redirect: "error" });
    const said = await answer.text();
    return understood(answer, said);
  } catch (fault) {
    if (leaving.aborted) throw new Trouble("left", "");
    if (fault instanceof Trouble) throw fault;
    throw new Trouble("proxy", fault.name === "AbortError" ? "The proxy is too slow to answer" : "The proxy does not answer");
  } finally {
    clearTimeout(timer);
    leaving.removeEventListener("abort", give);
  }
}
function understood(answer, said) {
  let found = null;
  try {
    found = said.length <= MOST_CHARS ? JSON.parse(said) : null;
  } catch { /* judged below: an error of a load balancer is no JSON */ }
  if (answer.ok && found !== null && typeof found === "object") return found;
  if (answer.ok) throw new Trouble("proxy", "The proxy answered with something else than expected");
  if (answer.status === 401) throw new Trouble("key", "The proxy does not accept this key.", 401);
  const why = reasonOf(found);
  if (answer.status === 403) throw new Trouble("forbidden", why || "This key may not do this.", 403);
  if (answer.status === 404 || answer.status === 405) throw new Trouble("missing", why || "There is no such thing.", answer.status);
  if (answer.status < 500) throw new Trouble("asked", why || "The proxy refused: HTTP " + answer.status, answer.status);
  throw new Trouble(answer.status === 503 && why ? "store" : "proxy", why || "The proxy is in trouble: HTTP " + answer.status, answer.status);
}
function reasonOf(found) {
  const inside = found && typeof found === "object" ? (found.detail ?? found.error ?? found) : null;
  const why = inside && typeof inside === "object" && !Array.isArray(inside) ? (inside.error ?? inside.message) : inside;
  return typeof why === "string" ? text(why) : "";
}
