// The list of decisions: pages from the proxy, never more than one page of rows in the document.
const PAGE = 25;
const decisions = { rows: [], filter: {}, before: [], next: null, reached: null, busy: 0, nodes: new Map(), votes: new Map() };
const seen = { tier: new Set(), route: new Set(), verdict: new Set(), reason: new Set(), team: new Set() };
const SEEN_MOST = 200;
// What is seldom is looked for among so many decisions at a time: the page looks further by itself, but not for ever.
const LOOKS_MOST = 10;

function filterFromHash() {
  const said = new URLSearchParams(location.hash.slice(1)), form = $("filters");
  for (const name of Object.keys(seen)) {
    const value = (said.get(name) || "").slice(0, 200);
    if (value) remember(name, value);
    form.elements[name].value = value;
  }
  takeFilter();
}
function takeFilter() {
  decisions.filter = {};
  for (const name of Object.keys(seen)) {
    const value = $("filters").elements[name].value.trim();
    if (value) decisions.filter[name] = value;
  }
  decisions.before = [];
}
const filtered = () => Object.keys(decisions.filter).length > 0;

function remember(name, value) {
  const said = text(value), known = seen[name];
  if (!said || known.has(said) || known.size >= SEEN_MOST) return;
  known.add(said);
  const where = name === "reason" || name === "team" ? $(name + "s") : $("filters").elements[name];
  where.append(h("option", { value: said }, said));
}
function learnFrom(rows) {
  for (const row of rows) {
    remember("tier", row.tier);
    remember("route", row.route);
    remember("team", row.team);
    for (const a of objects(row.attempts)) remember("verdict", a.verdict);
    for (const reason of list(row.reasons)) remember("reason", text(reason).split(":")[0]);
  }
}

// True where it holds the newest decisions of all, which the other panels may use.
async function loadDecisions() {
  const turn = ++decisions.busy;
  let before = decisions.before[decisions.before.length - 1], rows = [], found = {};
  for (let looks = 0; !rows.length && looks < LOOKS_MOST && (before || !looks); looks++) {
    const asked = new URLSearchParams({ limit: PAGE, ...decisions.filter, ...(before ? { before } : {}) });
    found = await call("decisions?" + asked);
    if (turn !== decisions.busy) return; // a later question was asked meanwhile
    rows = objects(found.decisions).slice(0, PAGE);
    before = found.next;
  }
  decisions.rows = rows;
  decisions.next = found.next !== undefined ? found.next : rows.length === PAGE ? rows[rows.length - 1].id : null;
  decisions.reached = decisions.next && rows.length < PAGE ? number(found.reached) : null;
  learnFrom(rows);
  drawDecisions();
  note("decisions-note", found.complete === false ? "The store did not answer: these are one worker's own." : "");
}
function drawDecisions() {
  const { rows, nodes } = decisions, body = $("decisions"), fresh = new Map();
  rows.forEach((row, i) => {
    const key = text(row.id), said = JSON.stringify([row, decisions.votes.get(key)]);
    const known = nodes.get(key);
    let element = known && known.said === said ? known.element : decisionRow(row);
    if (known && element !== known.element && known.element.contains(document.activeElement)) refocus(known.element, element);
    fresh.set(key, { said, element });
    // Only what moved is moved: focus and selection stay.
    if (body.children[i] !== element) body.insertBefore(element, body.children[i] || null);
  });
  while (body.children.length > rows.length) body.lastChild.remove(); // those before stand in order by now
  if (!rows.length) body.append(h("tr", { role: "row", class: "none" }, h("td", { role: "cell", colspan: 8, class: "muted line" }, decisions.next ? "No decision fits so far." : filtered() ? "No decision fits." : "No decision yet.")));
  decisions.nodes = fresh;
  const page = decisions.before.length;
  $("newest").disabled = $("newer").disabled = page === 0;
  $("older").disabled = !decisions.next;
  $("page-of").replaceChildren(page ? "page " + (page + 1) : "", ...(decisions.reached ? [page ? ", " : "", "looked back to ", when(decisions.reached, true), "; Older looks further"] : []));
  $("decisions-of").textContent = page === 0 ? "the latest first" : "older ones; the list stands still";
}
function refocus(from, to) {
  const at = [...from.querySelectorAll("button")].indexOf(document.activeElement);
  queueMicrotask(() => to.querySelectorAll("button")[at]?.focus());
}

function decisionRow(row) {
  const cell = (props, ...inside) => h("td", { role: "cell", ...props }, inside);
  const cost = number(row.cost_usd), baseline = number(row.baseline_usd);
  const open = () => showDecision(row.id, row);
  const id = text(row.id);
  return h("tr", { role: "row", on: { click: event => { if (!event.target.closest("button") && !String(getSelection())) open(); } } },
    cell(null, h("button", { type: "button", class: "link", "aria-label": "Open the decision of " + when(row.at, true).textContent, on: { click: open } }, when(row.at, true))),
    cell(null, row.refused ? chip("refused", "bad") : tierMark(row.tier)),
    cell(null, own(row.model)),
    cell({ class: "line" }, h("span", { class: "why" }, list(row.reasons).slice(0, 12).map(reasonChip), row.holdout ? chip("holdout") : null, row.arm ? chip("arm " + text(row.arm)) : null)),
    cell({ class: "line" }, attemptsSaid(row)),
    cell({ class: "n", "data-name": "cost" }, usd(cost)),
    cell({ class: "n", "data-name": "saved" }, cost === null || !baseline ? "–" : h("span", { class: cost > baseline ? "bad" : "" }, percent(1 - cost / baseline, 0))),
    cell(null, thumbs(id, row.feedback)));
}
const STRONG = /^(refused|ceiling|fault|store)\b/, SOFT = /^(budget|pace|value|escalation|bypass|permission|requirement)\b/;
const reasonChip = reason => chip(reason, STRONG.test(text(reason)) ? "bad" : SOFT.test(text(reason)) ? "warn" : "");
function attemptsSaid(row) {
  const attempts = objects(row.attempts);
  if (!attempts.length) return h("span", { class: "muted" }, "–");
  return attempts.slice(0, 6).map((a, i) => [i ? " → " : "", own(a.model), " ", h("span", { class: a.verdict === "ok" ? "good" : a.verdict === "pending" ? "muted" : "warn" }, own(a.verdict))]);
}

const THUMB = "M5 7.2 8 1.8c1.3 0 1.9.9 1.7 2l-.4 2.4h3.6c.9 0 1.4.8 1.2 1.6l-1.2 5c-.2.7-.7 1.2-1.4 1.2H5zM1.8 7.2H5V14H1.8z";
function thumbs(id, mean) {
  const mine = decisions.votes.has(id) ? decisions.votes.get(id) : number(mean) === 1 || number(mean) === 0 ? mean : null;
  const one = (score, name) => h("button", { type: "button", class: "thumb " + (score ? "up" : "down"), "aria-label": name, title: name, "aria-pressed": String(mine === score), on: { click: () => vote(id, score) } },
    svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: THUMB, transform: score ? null : "rotate(180 8 8)" })));
  return h("span", { class: "thumbs", role: "group", "aria-label": "Was the answer good?" }, one(1, "A good answer"), one(0, "A bad answer"));
}
async function vote(id, score, comment) {
  const before = decisions.votes.get(id);
  decisions.votes.set(id, score);
  voted(id);
  try {
    const told = await call("feedback", { method: "POST", body: { decision: id, score, ...(comment ? { comment } : {}) } });
    const words = (score ? "Noted: a good answer." : "Noted: a bad answer.") + (told.comment === "dropped" ? " The comment was not kept: this proxy captures nothing." : "");
    say(words);
    voteNote(id, comment ? words : "");
    return true;
  } catch (trouble) {
    if (before === undefined) decisions.votes.delete(id);
    else decisions.votes.set(id, before);
    voted(id);
    if (trouble.kind !== "left") voteNote(id, trouble.kind === "missing" ? "This proxy takes no feedback on this decision." : "Not noted: " + trouble.message, true);
    return false;
  }
}
function voteNote(id, words, bad) {
  const inside = $("detail").open && $("detail-thumbs") && $("detail-thumbs").dataset.id === id;
  note(inside ? "detail-note" : "decisions-note", words, bad);
}
function voted(id) {
  drawDecisions();
  const box = $("detail").open && $("detail-thumbs");
  if (box && box.dataset.id === id) {
    const at = [...box.querySelectorAll("button")].indexOf(document.activeElement);
    put(box, thumbs(id, null));
    if (at >= 0) box.querySelectorAll("button")[at].focus();
  }
}

async function filterDecisions() {
  takeFilter();
  const said = new URLSearchParams(decisions.filter).toString();
  history.replaceState(null, "", location.pathname + location.search + (said ? "#" + said : ""));
  await turnPage("Filtered: ");
}
async function turnPage(prefix) {
  try {
    await loadDecisions();
    if (decisions.busy) say((prefix || "") + plural(decisions.rows.length, "decision", "decisions") + (decisions.next ? " and more." : "."));
  } catch (trouble) {
    if (trouble.kind !== "left") note("decisions-note", trouble.message + ".", true);
    if (trouble.kind === "key") leave(trouble.message);
  }
}
function wireDecisions() {
  $("filters").addEventListener("submit", event => { event.preventDefault(); filterDecisions(); });
  $("clear").addEventListener("click", () => { $("filters").reset(); filterDecisions(); });
  for (const select of $("filters").querySelectorAll("select")) select.addEventListener("change", filterDecisions);
  $("older").addEventListener("click", () => { if (decisions.next) { decisions.before.push(decisions.next); turnPage(); } });
  $("newer").addEventListener("click", () => { decisions.before.pop(); turnPage(); });
  $("newest").addEventListener("click", () => { decisions.before = []; turnPage(); });
  const find = () => { const id = $("find-id").value.trim(); if (id) showDecision(id); };
  $("find").addEventListener("click", find);
  $("find-id").addEventListener("keydown", event => { if (event.key === "Enter") { event.preventDefault(); find(); } });
}
