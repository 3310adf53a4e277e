// One decision in full, and the "explain this prompt" box: both are steps, said in words.
const WORDS = {
  rule: "A rule named this tier.", heuristic: "The heuristic's score falls into this tier.", learned: "The trained classifier's score falls into this tier.",
  embedding: "The examples nearest in meaning belong to this tier.", llm: "A model judged how hard it is.", litellm: "LiteLLM's own scorer put it here.", callback: "The owner's own classifier said so.",
  default: "No classifier was sure: the route's default.", requested: "The client asked for this tier's model by name.", client: "The client asked for it in a header.",
  floor: "A rule sets this as the least.", cap: "A rule sets this as the most.", requirement: "The tier before cannot serve what the request needs.",
  budget: "A budget is used up to one of its thresholds.", pace: "A budget would not last to its end at this rate.", value: "Money is short, and this upgrade buys little for it.", ceiling: "A budget is used up.",
  critical: "A budget counts this caller and leaves it alone.", exempt: "An exemption: budgets count this caller and leave it alone.", store: "The store was away; so says `on_error`.",
  permission: "The key may not use that tier, or its model is gone.", shadow: "In shadow: only noted.", fault: "A classifier broke; the default was taken.",
  bypass: "Answers of this kind fail too often one tier lower.", conversation: "An earlier turn of this conversation had reached this tier.",
  escalation: "A gate rejected the answer; the next tier was asked.", kept: "A rejected answer was served after all.", holdout: "This caller belongs to the holdout: always the dearest tier.", arm: "This caller follows this arm's policy in an experiment.",
};
const STEP_KNOWN = new Set(["stage", "reason", "from", "to", "enforced", "detail"]);

function stepItem(step) {
  const moved = step.from && step.from !== step.to, name = text(step.reason) + (step.detail ? ":" + text(step.detail) : "");
  const more = Object.entries(step).filter(([k, v]) => !STEP_KNOWN.has(k) && v !== null && v !== undefined);
  return h("li", { class: step.enforced === false ? "off" : "" },
    h("div", null, reasonChip(name), " ", step.from ? [own(step.from), moved ? " → " : " stays "] : "", moved || !step.from ? tierMark(step.to) : "", step.enforced === false ? " (not enforced)" : ""),
    h("div", { class: "muted small" }, own(step.stage), ". ", WORDS[step.reason] || ""),
    more.length ? pairs(more.flatMap(([k, v]) => (v && typeof v === "object" && !Array.isArray(v) ? Object.entries(v).map(([a, b]) => [`${k} ${a}`, b]) : [[k, v]]))) : null);
}
const steps = found => h("ol", { class: "steps" }, objects(found).slice(0, 60).map(stepItem));
function pairs(entries) {
  const plain = v => (number(v) === null ? text(v) : Number.isInteger(v) ? String(v) : String(Number(v.toPrecision(4))));
  const shown = (k, v) => (/_usd$/.test(k) ? usd(v) : /_at$|^at$|_end$/.test(k) && number(v) > 1e9 ? when(v) : own(Array.isArray(v) ? v.map(text).join(", ") : plain(v)));
  return h("dl", { class: "pairs small" }, entries.slice(0, 120).map(([k, v]) => [h("dt", null, own(k)), h("dd", null, shown(k, v))]));
}
function grid(names, rows) {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": names[0] + "s" }, h("table", null,
    h("thead", null, h("tr", null, names.map(n => h("th", { scope: "col", class: /Cost|Time/.test(n) ? "n" : null }, n)))), h("tbody", null, rows)));
}

let openings = 0;
async function showDecision(id, row) {
  const dialog = $("detail"), body = $("detail-body"), turn = ++openings;
  if (row) drawDetail(row);
  else put(body, h("p", { class: "muted" }, "Looking …"));
  if (!dialog.open) dialog.showModal(); // which gives the focus back by itself when it closes
  $("detail-title").focus();
  try {
    const found = await call("decisions/" + encodeURIComponent(text(id)));
    if (turn === openings) drawDetail(found, Boolean(row)); // and not over another that was opened meanwhile
  } catch (trouble) {
    if (turn === openings && !row && trouble.kind !== "left") put(body, h("p", { class: "bad", role: "alert" }, trouble.kind === "missing" ? "There is no such decision, or it is not for this key to see." : trouble.message + "."));
  }
}
function drawDetail(row, again) {
  const id = text(row.id), cost = number(row.cost_usd), baseline = number(row.baseline_usd);
  const classifiers = objects(row.classifiers), copy = h("button", { type: "button", class: "link" }, "Copy");
  copy.addEventListener("click", () => navigator.clipboard?.writeText(id).then(() => { copy.textContent = "Copied"; }, () => {}));
  const saved = cost !== null && baseline ? ` (${percent(1 - cost / baseline, 0)} saved)` : "";
  const story = [
    h("p", { class: "verdict" }, row.refused ? chip("refused", "bad") : [tierMark(row.tier), " · ", own(row.model)]),
    row.refused ? h("p", { class: "bad" }, own(row.refused)) : null,
    h("dl", { class: "pairs" },
      h("dt", null, "Time"), h("dd", null, when(row.at, true)), h("dt", null, "Id"), h("dd", null, h("code", null, own(id)), " ", copy),
      h("dt", null, "Route"), h("dd", null, own(row.route)), row.team ? [h("dt", null, "Team"), h("dd", null, own(row.team))] : null,
      h("dt", null, "Cost"), h("dd", null, usd(cost), h("span", { class: "muted" }, ` on the dearest tier ${usd(baseline)}${saved}`)),
      row.holdout ? [h("dt", null, "Holdout"), h("dd", null, "yes")] : null, row.arm ? [h("dt", null, "Arm"), h("dd", null, own(row.arm))] : null,
      number(row.feedback) === null ? null : [h("dt", null, "Feedback"), h("dd", null, percent(row.feedback, 0) + " good")],
      row.policy ? [h("dt", null, "Policy"), h("dd", null, h("code", null, own(row.policy)))] : null),
    h("h3", null, "Why it went there"), steps(row.steps),
    budgetsThen(row.budgets),
    h("h3", null, "Attempts"), objects(row.attempts).length ? grid(["Attempt", "Verdict", "Cost", "Time"], objects(row.attempts).map(a => h("tr", null,
      h("td", null, tierMark(a.tier), " ", h("span", { class: "muted" }, own(a.model))), h("td", null, own(a.verdict), list(a.reasons).length ? h("div", { class: "muted small" }, own(list(a.reasons).map(text).join(", "))) : null),
      h("td", { class: "n" }, usd(a.cost_usd), tokensOf(a)), h("td", { class: "n" }, ms(a.ms))))) : h("p", { class: "muted" }, "None."),
    classifiers.length ? [h("h3", null, "Classifiers' calls"), grid(["Classifier", "Verdict", "Cost", "Time"], classifiers.map(c => h("tr", null,
      h("td", null, own(c.kind), " ", h("span", { class: "muted" }, own(c.model))), h("td", null, own(c.verdict)), h("td", { class: "n" }, usd(c.cost_usd)), h("td", { class: "n" }, ms(c.ms)))))] : null,
    row.debt ? [h("h3", null, "What the better tier says"), debtOfDecision(row.debt)] : null];
  if (again) put($("detail-body").firstElementChild, story); // the form stays: a comment may be begun
  else put($("detail-body"), h("div", null, story), h("h3", null, "Was the answer good?"), feedbackForm(id, row.feedback));
}
function tokensOf(attempt) {
  const asked = number(attempt.prompt_tokens), said = number(attempt.completion_tokens), cached = number(attempt.cached_tokens);
  if (asked === null || said === null) return null;
  return h("div", { class: "muted small" }, `${count(asked)} + ${count(said)} tokens`, cached ? `, ${count(cached)} cached` : "");
}
function budgetsThen(found) {
  const rows = objects(found);
  return rows.length ? [h("h3", null, "Budgets at that moment"), grid(["Budget", "Used", "Until"], rows.map(b => h("tr", null,
    h("td", null, own(b.scope), b.id === "*" ? "" : [" ", own(b.id)], h("span", { class: "muted" }, b.window ? " per " + text(b.window) : "")),
    h("td", null, percent(b.ratio), h("span", { class: "muted" }, ` ${usd(b.used_usd)} of ${usd(b.limit_usd)}`), b.spared ? h("div", { class: "muted small" }, "counts this caller and leaves it alone") : null),
    h("td", null, when(b.window_end)))))] : null;
}
function feedbackForm(id, mean) {
  const box = h("span", { id: "detail-thumbs", "data-id": id }, thumbs(id, mean));
  const comment = h("input", { maxlength: 1000, autocomplete: "off", "aria-label": "A comment, kept only where the owner captures", placeholder: "A comment goes with the thumb" });
  // The thumbs of this form take the comment along.
  box.addEventListener("click", event => {
    const button = event.target.closest("button");
    if (!button || !comment.value.trim()) return;
    event.stopImmediatePropagation();
    vote(id, button.classList.contains("up") ? 1 : 0, comment.value.trim()).then(done => { if (done) comment.value = ""; });
  }, { capture: true });
  return [h("div", { class: "row" }, box, comment), h("p", { class: "note", id: "detail-note", role: "status" })];
}

async function explain(event) {
  event.preventDefault();
  const button = $("explain").querySelector("button"), model = $("explain-model").value.trim();
  note("explain-note", "");
  button.disabled = true;
  try {
    const found = await call("explain", { method: "POST", body: { prompt: $("prompt").value, ...(model ? { model } : {}) } });
    drawExplained(found);
    say(`It would go to ${text(found.tier)}, ${text(found.model)}: ${list(found.reasons).map(text).join(", ")}`);
  } catch (trouble) {
    if (trouble.kind === "key") leave(trouble.message);
    else if (trouble.kind !== "left") note("explain-note", trouble.message, true);
  } finally {
    button.disabled = false;
  }
}
function drawExplained(found) {
  const refusal = found.refusal && typeof found.refusal === "object" ? found.refusal : null;
  const extra = (name, value) => { const entries = Object.entries(value && typeof value === "object" ? value : {}); return entries.length ? h("details", null, h("summary", null, name), pairs(entries)) : null; };
  put($("explained"),
    h("p", { class: "verdict" }, refusal ? chip("refused: HTTP " + text(refusal.status), "bad") : [tierMark(found.tier), " · ", own(found.model)],
      h("span", { class: "muted" }, found.route ? [" on route ", own(found.route)] : "", number(found.score) === null ? "" : ` · score ${found.score.toFixed(3)}`)),
    refusal ? h("p", { class: "bad" }, own(refusal.message)) : null,
    list(found.not_asked).length ? h("p", { class: "muted" }, "Would be asked before, which costs: ", own(list(found.not_asked).map(text).join(", "))) : null,
    steps(found.steps), extra("What the classifiers saw", found.signals), extra("Features", found.features));
}
function wireExplain() {
  $("explain").addEventListener("submit", explain);
  $("prompt").addEventListener("keydown", event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("explain").requestSubmit(); });
  $("detail-close").addEventListener("click", () => $("detail").close());
  $("detail").addEventListener("click", event => { if (event.target === $("detail")) $("detail").close(); });
}
