// What downgrades cost in quality, by what the better tier says: of a sample that was asked of it as well.
function drawDebt(found) {
  const parts = [], different = found.different || {}, compared = number(found.comparable) || 0;
  if (compared && [different.share, different.low, different.high].every(v => number(v) !== null)) {
    const width = 320, x = v => 8 + (width - 16) * v;
    parts.push(
      h("p", { class: "verdict" }, h("strong", null, percent(different.share) + " came out different"), h("span", { class: "muted" }, ` from the better tier; 95 % between ${percent(different.low)} and ${percent(different.high)}`)),
      svg("svg", { class: "chart", viewBox: `0 0 ${width} 44`, "aria-hidden": "true" },
        svg("line", { class: "gridline", x1: x(0), x2: x(1), y1: 26, y2: 26 }),
        svg("line", { class: "span", x1: x(different.low), x2: x(different.high), y1: 18, y2: 18 }), svg("circle", { class: "dot", cx: x(different.share), cy: 18, r: 5 }),
        svg("text", { x: x(0), y: 42, "text-anchor": "start" }, "0 %"), svg("text", { x: x(1), y: 42, "text-anchor": "end" }, "100 %")));
  } else parts.push(h("p", null, "No answers could be compared by their form yet."));
  parts.push(h("p", null, `${plural(number(found.downgraded) || 0, "request", "requests")} moved down by a budget; ${count(found.probed)} asked of the better tier as well, ${count(compared)} of these can be compared. It cost ${usd(found.cost_usd)}.`));
  if (number(found.judged)) parts.push(h("table", null,
    h("thead", null, h("tr", null, ["Gates passed", "Of " + count(found.judged)].map((n, i) => h("th", { scope: "col", class: i && "n" }, n)))),
    h("tbody", null, [["both answers", found.both_passed], ["the better tier's alone", found.better_only_passed], ["the served one alone", found.served_only_passed]].map(([name, n]) =>
      h("tr", null, h("td", null, name), h("td", { class: "n" }, count(n)))))));
  const skipped = Object.entries(found.skipped && typeof found.skipped === "object" ? found.skipped : {}).slice(0, 12);
  if (skipped.length) parts.push(h("p", { class: "muted" }, "Not asked, or not compared: ", skipped.map(([why, n], i) => [i ? ", " : "", own(why), " " + count(n)]), "."));
  if (found.note) parts.push(h("p", { class: "warn" }, own(found.note)));
  put($("debt"), parts);
}
function debtOfDecision(found) {
  if (!found || typeof found !== "object") return null;
  const said = found.skipped ? "not asked or compared: " + text(found.skipped) : found.agreed === true ? "it says the same" : found.agreed === false ? "it says something else" : "not to be compared by form";
  const passed = [["served", found.served_passed], ["better", found.better_passed]].filter(([, v]) => typeof v === "boolean").map(([name, v]) => `${name} ${v ? "passed" : "failed"} the gates`);
  return h("p", null, "The better tier ", own(found.tier), " (", own(found.model), ") was asked as well: ", own([said, ...passed].join(", ")), ". ", usd(found.cost_usd), ", the owner's.");
}
