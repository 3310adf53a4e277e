// The page's life: sign in, refresh, step back when the proxy is in trouble, and keep what was last known.
const EVERY_S = 5, REPORT_EVERY_S = 10, SLOWEST_S = 60;
const life = { status: null, report: undefined, reportAt: 0, extrasAt: 0, asOf: null, fails: 0, since: null, timer: 0, due: 0, paused: false, running: false };

async function refresh() {
  clearTimeout(life.timer);
  if (!session.key || life.running) return;
  life.running = true;
  const asked = session.key;
  try {
    const status = await call("status");
    const away = Boolean(status.store) && status.store.ok === false;
    takeStatus(status, away);
    const done = await Promise.allSettled([loadPage(), loadReport(away), loadExtras(away)]);
    const bad = done.map(d => d.reason).find(r => r && (r.kind === "key" || r.kind === "proxy"));
    if (bad) throw bad;
    arrived(away, status);
  } catch (trouble) {
    if (asked === session.key) failed(trouble);
  } finally {
    life.running = false;
    if (session.key) plan();
  }
}
function takeStatus(status, away) {
  // While the store is away its figures are zeros: what was last known stays.
  const kept = away && life.status ? { ...status, budgets: life.status.budgets, classifiers: life.status.classifiers } : status;
  life.status = kept;
  draw("facts", kept, drawFacts);
  draw("budgets", [objects(kept.budgets), Math.floor(Date.now() / 30_000)], ([all]) => drawBudgets(all));
  const admin = Object.keys(status.classifiers || {}).length > 0, alarms = list(status.alarms);
  $("p-alarms").hidden = !admin && !alarms.length;
  draw("alarms", { alarms, switches: objects(status.switches) }, drawAlarms);
}
async function loadPage() {
  if (decisions.before.length) return; // an older page stands still
  try {
    await loadDecisions();
  } catch (trouble) {
    if (trouble.kind === "key" || trouble.kind === "proxy" || trouble.kind === "left") throw trouble;
    note("decisions-note", "Not refreshed: " + trouble.message, true);
  }
}
async function loadReport(away) {
  const now = Date.now() / 1000;
  if (!away && now - life.reportAt >= REPORT_EVERY_S) {
    try {
      life.report = await call("report?format=json&days=1");
      life.reportAt = now;
    } catch (trouble) {
      if (trouble.kind === "key" || trouble.kind === "left") throw trouble;
      if (life.report === undefined) life.report = null; // a proxy without one, or none yet
    }
  }
}
async function loadExtras(away) {
  const now = Date.now() / 1000;
  if (away || now - life.extrasAt < REPORT_EVERY_S) return;
  await loadExemptions().catch(trouble => { if (trouble.kind === "key") throw trouble; });
  life.extrasAt = now;
}
function drawAll() {
  const report = life.report || null;
  draw("tiles", { status: life.status, report, clock: Math.floor(Date.now() / 30_000) }, drawTiles);
  drawReport(report, decisions.rows);
}

function arrived(away, status) {
  life.fails = 0;
  life.asOf = away ? life.asOf : new Date();
  $("sign").hidden = true;
  $("board").hidden = $("tools").hidden = false;
  drawAll();
  if (!away) {
    life.since = null;
    banner("");
    return;
  }
  life.since = life.since || new Date();
  const waiting = number(status.store.spooled);
  banner(`The budget store is away since ${clock(life.since)}. ${waiting ? plural(waiting, "cost waits", "costs wait") + " to be counted. " : ""}`
    + (life.asOf ? `Figures are as of ${clock(life.asOf)}.` : "There are no figures yet."));
}
function failed(trouble) {
  if (trouble.kind === "left") return;
  if (trouble.kind === "key") { leave(trouble.message); return; }
  if (trouble.kind === "forbidden" && life.asOf === null) { leave(trouble.message); return; }
  life.fails += 1;
  life.since = life.since || new Date();
  if ($("board").hidden) { $("sign").hidden = false; note("sign-note", trouble.message + ". It is tried again.", true); return; }
  banner(`${trouble.message} since ${clock(life.since)}. ` + (life.asOf ? `What you see is as of ${clock(life.asOf)}.` : ""));
}
const clock = date => date.toLocaleTimeString([], { ...TWO, second: "2-digit" });
function banner(words) {
  $("banner").hidden = !words;
  $("board").classList.toggle("stale", Boolean(words));
  if ($("banner-text").textContent !== words) $("banner-text").textContent = words;
}

function plan() {
  clearTimeout(life.timer);
  const wait = Math.min(SLOWEST_S, EVERY_S * 2 ** Math.min(life.fails, 5));
  life.due = Date.now() + wait * 1000;
  if (!document.hidden && !life.paused) life.timer = setTimeout(refresh, wait * 1000);
  tell();
}
// The countdown stands outside the live region: a screen reader hears of the trouble once.
function tell() {
  const left = Math.max(0, Math.round((life.due - Date.now()) / 1000));
  $("banner-next").textContent = life.paused ? "Paused." : `Trying again in ${left} s.`;
  $("updated").textContent = life.asOf ? (life.paused ? "paused, as of " : "as of ") + clock(life.asOf) : "";
}

function leave(words) {
  keep("");
  clearTimeout(life.timer);
  Object.assign(life, { status: null, report: undefined, reportAt: 0, extrasAt: 0, asOf: null, fails: 0, since: null });
  Object.assign(decisions, { rows: [], before: [], next: null, reached: null, busy: decisions.busy + 1, nodes: new Map(), votes: new Map() });
  for (const id of ["facts", "tiles", "budgets", "alarms", "switches", "decisions", "hours", "hours-table", "tiers", "gates", "latency", "holdout", "arms", "debt", "explained", "exemptions", "history", "policy", "reasons", "teams"]) $(id).replaceChildren();
  for (const [name, values] of Object.entries(seen)) {
    values.clear();
    if ($("filters").elements[name].options) $("filters").elements[name].length = 1;
  }
  for (const id of ["exempt-note", "explain-note", "decisions-note"]) note(id, "");
  $("prompt").value = "";
  if ($("detail").open) $("detail").close();
  $("detail-body").replaceChildren();
  redraw();
  tones.clear();
  banner("");
  $("board").hidden = $("tools").hidden = true;
  $("sign").hidden = false;
  note("sign-note", words || "", Boolean(words));
  $("key").value = "";
  $("key").focus();
}
function enter(event) {
  event.preventDefault();
  const key = $("key").value.trim();
  if (!/^[\x21-\x7e]{1,500}$/.test(key)) { note("sign-note", "A key is one word of plain characters.", true); return; }
  note("sign-note", "");
  keep(key);
  life.running = false;
  refresh();
}

function wire() {
  $("sign").addEventListener("submit", enter);
  $("leave").addEventListener("click", () => leave());
  $("retry").addEventListener("click", refresh);
  $("pause").addEventListener("click", () => {
    life.paused = !life.paused;
    $("pause").setAttribute("aria-pressed", String(life.paused));
    $("pause").textContent = life.paused ? "Paused" : "Pause";
    if (life.paused) { clearTimeout(life.timer); tell(); } else refresh();
  });
  const wake = () => { if (document.hidden) clearTimeout(life.timer); else if (!life.paused) refresh(); };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  addEventListener("hashchange", () => { filterFromHash(); turnPage(); });
  let resized = 0;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => { redraw(); if (life.asOf) { takeStatus(life.status, false); drawAll(); } }, 150); });
  $("budget-find").addEventListener("input", () => { budgets.shown = BUDGETS_AT_FIRST; drawBudgets(budgets.all); });
  $("budgets-more").addEventListener("click", () => { budgets.shown += 50; drawBudgets(budgets.all); });
  wireTheme();
  wireDecisions();
  wireExplain();
  wireExemptions();
  setInterval(tell, 1000);
}
function wireTheme() {
  const set = value => { if (value) document.documentElement.dataset.theme = value; else delete document.documentElement.dataset.theme; };
  let chosen = "";
  try { chosen = localStorage.getItem("tiering-theme") || ""; } catch { /* nothing is kept here */ }
  $("theme").value = ["light", "dark"].includes(chosen) ? chosen : "";
  set($("theme").value);
  $("theme").addEventListener("change", () => {
    set($("theme").value);
    try { localStorage.setItem("tiering-theme", $("theme").value); } catch { /* as above */ }
  });
}

wire();
filterFromHash();
session.key = kept();
if (session.key) refresh();
else { $("sign").hidden = false; $("key").focus(); }
