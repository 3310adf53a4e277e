// The panels that only show: state, tiles, budgets, alarms, switches.
function drawFacts(status) {
  const mode = text(status.mode), store = status.store || {};
  const facts = [h("li", null, chip("mode: " + mode, mode === "enforce" ? "good" : "warn"))];
  const kind = text(store.kind);
  facts.push(h("li", null, chip(store.ok === false ? `store: ${kind}, away` : `store: ${kind}`, store.ok === false ? "bad" : "good")));
  if (number(store.spooled)) facts.push(h("li", null, chip(plural(store.spooled, "cost waits", "costs wait") + " to be counted", "warn")));
  if (number(status.background)) facts.push(h("li", null, chip(plural(status.background, "stream", "streams") + " drained in the background")));
  put($("facts"), facts);
  put($("policy"), status.policy ? ["Policy ", h("code", null, own(status.policy))] : "");
}

function tile(name, value, sub, toneOf) {
  return h("div", { class: "tile" }, h("dt", null, name), h("dd", { class: "big " + (toneOf || "") }, value), sub ? h("dd", { class: "sub" }, sub) : null);
}
function drawTiles({ status, report }) {
  const tiles = [], days = report ? objects(report.days) : [], today = days[days.length - 1];
  const first = status ? objects(status.budgets)[0] : null;
  if (today) {
    const cost = number(today.cost_usd), baseline = number(today.baseline_usd);
    const saved = number(today.saved_usd) ?? (cost === null || baseline === null ? null : baseline - cost);
    tiles.push(tile("Spent today", usd(cost), "baseline " + usd(baseline)));
    tiles.push(tile("Saved today", usd(saved), baseline ? percent(saved / baseline) + " of the baseline" : "nothing to compare with yet", saved < 0 ? "bad" : "good"));
    tiles.push(tile("Requests today", count(today.requests), cost !== null && today.requests ? usd(cost / today.requests) + " each" : ""));
    const overhead = (number(today.waste_usd) || 0) + (number(today.classifier_usd) || 0);
    const probes = number(today.probe_usd) || 0, asked = probes ? `, the better tier asked as well ${usd(probes)}` : "";
    tiles.push(tile("Cost of routing", usd(overhead), `rejected answers ${usd((number(today.waste_usd) || 0) - probes)}, classifiers ${usd(today.classifier_usd)}${asked}`));
  } else if (first) {
    tiles.push(tile("Spent", usd(first.spent_usd), "in flight " + usd(first.reserved_usd)));
    const tax = status.classifiers || {};
    if (number(tax.spent_usd) !== null) tiles.push(tile("Classifiers' calls today", usd(tax.spent_usd), plural(number(tax.calls) || 0, "call", "calls")));
  }
  if (first) {
    const limited = number(first.limit_usd) !== null;
    const ends = outlook(first);
    tiles.push(limited
      ? tile("Global budget used", percent(first.ratio), [usd(first.spent_usd) + " of " + usd(first.limit_usd), ends ? "; " + ends.words : ""], toneOf(first) === "over" ? "bad" : "")
      : tile("Global budget", "no limit", "spent " + usd(first.spent_usd)));
  }
  put($("tiles"), tiles);
}

const toneOf = b => ((number(b.ratio) || 0) >= 1 ? "over" : (number(b.ratio) || 0) >= 0.8 ? "near" : "");
function outlook(b) {
  const f = b.forecast;
  if (!f || typeof f !== "object") return null;
  if (number(f.lasts_until) === null) return { words: "ends at " + usd(f.end_usd), tone: "" };
  const left = f.lasts_until - Date.now() / 1000;
  return left <= 0 ? { words: "used up", tone: "bad" } : { words: `lasts ${span(left)} more`, tone: "warn" };
}

const BUDGETS_AT_FIRST = 12;
const budgets = { all: [], shown: BUDGETS_AT_FIRST };
function drawBudgets(all) {
  budgets.all = all;
  const wanted = $("budget-find").value.trim().toLowerCase();
  const found = all.filter(b => !wanted || `${text(b.scope)} ${text(b.id)}`.toLowerCase().includes(wanted));
  // The global one stays first; of the others the fullest are what an owner must see.
  const sorted = found.map((b, i) => [b, i]).sort(([a, i], [b, j]) =>
    (b.scope === "global") - (a.scope === "global") || (number(b.ratio) || 0) - (number(a.ratio) || 0) || i - j).map(([b]) => b);
  put($("budgets"), sorted.slice(0, budgets.shown).map(budgetRow));
  if (!sorted.length) $("budgets").append(h("tr", { role: "row" }, h("td", { role: "cell", colspan: 7, class: "muted line" }, wanted ? "No budget is called so." : "No budget has been used yet.")));
  const more = sorted.length - budgets.shown;
  $("budgets-more").hidden = more <= 0;
  $("budgets-more").textContent = `Show ${Math.min(50, more)} more of ${count(sorted.length)}`;
}
function budgetRow(b) {
  const limit = number(b.limit_usd), spent = number(b.spent_usd) || 0, held = number(b.reserved_usd) || 0;
  const share = v => (limit > 0 ? Math.min(100, (v / limit) * 100) : limit === 0 ? 100 : 0) + "%";
  const ends = outlook(b), steps = number(b.steps_down);
  const cell = (props, ...inside) => h("td", { role: "cell", ...props }, inside);
  return h("tr", { role: "row" },
    cell({ class: "line" }, h("strong", null, own(b.scope)), b.id === "*" ? null : [" ", own(b.id)], h("span", { class: "muted" }, b.window ? " per " + text(b.window) : "", b.mode === "shadow" ? ", in shadow" : "")),
    cell({ class: "line" }, limit === null ? h("span", { class: "muted" }, "no limit") : [
      h("span", { class: "bar " + toneOf(b), "aria-hidden": "true" }, h("i", { vars: { "--to": share(spent) } }), h("i", { class: "held", vars: { "--from": share(spent), "--to": share(held) } })),
      h("span", { class: toneOf(b) === "over" ? "bad" : toneOf(b) === "near" ? "warn" : "" }, percent(b.ratio)),
      steps ? h("span", { class: "warn" }, ` · ${plural(steps, "tier", "tiers")} down`) : null]),
    cell({ class: "n", "data-name": "spent" }, usd(spent)), cell({ class: "n", "data-name": "in flight" }, held ? usd(held) : "–"),
    cell({ class: "n", "data-name": "limit" }, limit === null ? "–" : usd(limit)),
    cell({ "data-name": "at this rate" }, ends ? h("span", { class: ends.tone }, ends.words) : "–"),
    cell({ class: "keep", "data-name": "ends" }, when(b.window_end)));
}

let alarmsSeen = new Set();
function drawAlarms({ alarms, switches }) {
  const now = alarms.map(text);
  const fresh = now.filter(one => !alarmsSeen.has(one));
  if (fresh.length) say("Alarm: " + fresh.slice(0, 3).join("; "));
  alarmsSeen = new Set(now);
  $("alarms-of").textContent = now.length ? String(now.length) : "";
  put($("alarms"), now.length ? now.slice(0, 50).map(one => h("li", { class: "alarm" }, own(one))) : h("li", { class: "muted" }, "None."));
  put($("switches"), switches.length ? [h("h3", null, "Switched routes"), h("ul", { class: "plain" }, switches.map(s =>
    h("li", null, own(s.route === "*" ? "every route" : s.route), ": ", h("strong", null, own(s.mode)), s.until ? [" until ", when(s.until)] : "", h("span", { class: "muted" }, " – ", own(s.reason), ", ", own(s.by)))))] : null);
}

// What the report says of tiers and gates; while there is none, what the decisions at hand say.
function fromDecisions(rows) {
  const tiers = new Map(), judged = new Map(), rejected = new Map();
  const more = (counts, name) => counts.set(name, (counts.get(name) || 0) + 1);
  for (const row of rows) {
    const attempts = objects(row.attempts), one = tiers.get(row.tier) || { tier: row.tier, requests: 0, cost_usd: 0, times: [] };
    one.requests += 1;
    one.cost_usd += number(row.cost_usd) || 0;
    if (attempts.length) one.times.push(attempts.reduce((sum, a) => sum + (number(a.ms) || 0), 0));
    tiers.set(row.tier, one);
    for (const a of attempts) {
      for (const gate of list(a.judged)) more(judged, text(gate));
      if (list(a.judged).includes(a.verdict)) more(rejected, text(a.verdict));
    }
  }
  const at = (sorted, share) => (sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] : null);
  const ordered = [...tiers.values()].sort((a, b) => a.cost_usd / a.requests - b.cost_usd / b.requests);
  return {
    tiers: ordered.map(({ times, ...one }) => { times.sort((a, b) => a - b); return { ...one, p50_ms: at(times, 0.5), p95_ms: at(times, 0.95) }; }),
    gates: [...judged].map(([gate, n]) => ({ gate, rejected: rejected.get(gate) || 0, judged: n })),
  };
}
function drawReport(report, rows) {
  const guessed = report === null ? fromDecisions(rows) : null, from = guessed || report;
  const kept = (report && report.decisions) || {};
  const of = guessed ? `of the last ${count(rows.length)}` : "today", seenOf = !guessed && kept.whole === false ? `of the last ${count(kept.seen)}` : of;
  const show = (id, found, render) => {
    $("p-" + id).hidden = !found.length;
    if ($(id + "-of")) $(id + "-of").textContent = id === "tiers" ? of : seenOf;
    if (found.length) draw(id, [found, innerWidth > 700], ([data]) => render(data));
  };
  const tiers = objects(from.tiers);
  if (ladderIs(tiers.map(row => row.tier))) {
    redraw("tiers", "latency");
    decisions.nodes.clear();
    drawDecisions();
  }
  show("tiers", tiers.filter(r => r.requests), drawTiers);
  show("latency", tiers.filter(r => number(r.p50_ms) !== null), drawLatency);
  show("gates", objects(from.gates), drawGates);
  if (!guessed && Array.isArray(report.gates) && !report.gates.length) {
    $("p-gates").hidden = false;
    draw("gates", [], () => put($("gates"), h("p", { class: "muted" }, "No answer was judged.")));
  }
  show("hours", report ? objects(report.hours) : [], drawHours);
  const holdout = report && report.holdout && typeof report.holdout === "object" ? [report.holdout] : [];
  show("holdout", holdout, data => drawHoldout(data[0]));
  const arms = report && report.arms && typeof report.arms === "object" ? [report.arms] : [];
  show("arms", arms, data => drawArms(data[0]));
  const owed = report && report.debt && typeof report.debt === "object" && number(report.debt.drawn) ? [report.debt] : [];
  show("debt", owed, data => drawDebt(data[0]));
}
