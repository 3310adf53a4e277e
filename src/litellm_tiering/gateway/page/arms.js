const ARM_COLUMNS = [
  ["Arm", r => own(r.arm)], ["Callers", r => count(r.callers)], ["Requests", r => count(r.requests)], ["Spent", r => usd(r.cost_usd)],
  ["A request", r => usd(r.cost_per_request_usd)], ["Saved on one", r => usd(r.saved_per_request_usd)], ["Escalated", r => percent(r.escalation_rate)],
  ["Passed", r => percent(r.pass_rate)], ["Feedback", r => (number(r.feedback) === null ? "–" : r.feedback.toFixed(2))], ["95 % within", r => ms(r.p95_ms)],
];
function drawArms(found) {
  const row = r => h("tr", null, ARM_COLUMNS.map(([, value], i) => h("td", { class: i && "n" }, value(r))));
  put($("arms"), [
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Policies compared, by arm" }, h("table", null,
      h("thead", null, h("tr", null, ARM_COLUMNS.map(([name], i) => h("th", { scope: "col", class: i && "n" }, name)))),
      h("tbody", null, objects(found.arms).map(row)))),
    ...objects(found.compared).map(c => h("p", null, h("strong", null, own(c.arm)), " against ", h("strong", null, own(found.against)), ": ", text(c.verdict))),
    h("p", { class: "muted" }, `These intervals hold together, at every look, with ${percent(found.level, 0)} confidence.`),
  ]);
}
