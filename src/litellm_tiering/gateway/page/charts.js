// Charts as inline SVG. Each has its figures in text beside it; colour is never all that tells two things apart.
function ticks(most, about) {
  if (!(most > 0)) return [0];
  const rough = most / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(n => n * power).find(n => n >= rough);
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, i) => i * step);
}
function hourOf(row) {
  const said = text(row.hour), found = /(?:T|\s|^)(\d{1,2})(?::\d\d)?/.exec(said);
  return found ? found[1].padStart(2, "0") : said;
}

const hourChart = { at: null };
function drawHours(told) {
  // The day is shown whole, so that an hour keeps its place.
  const rows = told.length < 24 && told.every((r, i) => r.hour === i) ? [...told, ...Array.from({ length: 24 - told.length }, (_, i) => ({ hour: told.length + i, ahead: true }))] : told;
  const width = Math.max(280, $("hours").clientWidth || 700), height = 200;
  const left = 58, right = 6, top = 8, bottom = 22;
  const most = Math.max(...rows.map(r => Math.max(number(r.cost_usd) || 0, number(r.baseline_usd) || 0)), 0);
  const marks = ticks(most || 1, 4), ceiling = marks[marks.length - 1] || 1;
  const slot = (width - left - right) / Math.max(rows.length, 1);
  const y = v => top + (height - top - bottom) * (1 - v / ceiling);
  const box = (v, from, wide, name) => {
    const up = y(Math.max(0, v));
    return svg("rect", { class: name, x: from, y: up, width: Math.max(1, wide), height: Math.max(0, y(0) - up), rx: Math.min(2, wide / 4) });
  };
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, height, role: "img", tabindex: 0,
    "aria-label": hoursSaid(rows) + " Arrow keys read single hours." });
  if (most) for (const mark of marks) chart.append(
    svg("line", { class: "gridline", x1: left, x2: width - right, y1: y(mark), y2: y(mark) }),
    svg("text", { x: left - 8, y: y(mark) + 4, "text-anchor": "end" }, usd(mark)));
  const every = [1, 2, 3, 4, 6, 12].find(n => n * slot >= 34) || 12;
  rows.forEach((row, i) => {
    const x = left + i * slot, wide = Math.min(slot * 0.72, 34), from = x + (slot - wide) / 2;
    const cost = number(row.cost_usd) || 0, baseline = number(row.baseline_usd) || 0;
    chart.append(svg("rect", { class: "slot", x, y: top, width: slot, height: height - top - bottom }));
    if (baseline) chart.append(box(baseline, from, wide, "ghost-bar"));
    if (cost) chart.append(box(cost, from + wide * 0.17, wide * 0.66, "cost-bar"));
    if (i % every === 0) chart.append(svg("text", { x: x + slot / 2, y: height - 6, "text-anchor": "middle" }, hourOf(row)));
  });
  chart.append(svg("line", { class: "gridline", x1: left, x2: width - right, y1: y(0), y2: y(0) }));
  const read = (i, aloud) => {
    hourChart.at = i;
    chart.querySelectorAll(".slot").forEach((one, n) => one.classList.toggle("on", n === i));
    const said = i === null || !rows[i] ? hoursSaid(rows) : hourSaid(rows[i]);
    $("hours-readout").textContent = said;
    if (aloud) say(said);
  };
  chart.addEventListener("pointermove", event => {
    const at = Math.floor(((event.clientX - chart.getBoundingClientRect().left) * (width / chart.clientWidth) - left) / slot);
    read(at >= 0 && at < rows.length ? at : null);
  });
  chart.addEventListener("pointerleave", () => read(null));
  chart.addEventListener("blur", () => read(null));
  chart.addEventListener("keydown", event => {
    const at = hourChart.at === null ? rows.length - 1 : hourChart.at;
    const next = { ArrowLeft: Math.max(0, at - 1), ArrowRight: Math.min(rows.length - 1, at + 1), Home: 0, End: rows.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    read(next, true);
  });
  const focused = $("hours").contains(document.activeElement);
  put($("hours"), chart);
  put($("hours-key"), h("li", null, h("span", { class: "swatch" }), "Spend"), h("li", null, h("span", { class: "swatch ghost" }), "Baseline"));
  if (focused) chart.focus();
  read(hourChart.at);
  put($("hours-table"),
    h("thead", null, h("tr", null, ["Hour", "Spend", "Baseline", "Saved"].map((n, i) => h("th", { scope: "col", class: i && "n" }, n)))),
    h("tbody", null, rows.filter(r => !r.ahead).map(r => h("tr", null, h("th", { scope: "row" }, own(hourOf(r) + ":00")),
      [r.cost_usd, r.baseline_usd, number(r.cost_usd) === null ? null : (number(r.baseline_usd) || 0) - r.cost_usd].map(v => h("td", { class: "n" }, usd(v)))))));
}
function hourSaid(row) {
  if (row.ahead) return `${hourOf(row)}:00 – still to come`;
  const cost = number(row.cost_usd), baseline = number(row.baseline_usd) || 0;
  if (cost === null) return `${hourOf(row)}:00 – spend not known any more, baseline ${usd(baseline)}`;
  const saved = baseline > 0 ? `, ${percent(1 - cost / baseline, 0)} saved` : "";
  return `${hourOf(row)}:00 – spend ${usd(cost)}, baseline ${usd(baseline)}${saved}`;
}
function hoursSaid(rows) {
  const total = name => rows.reduce((sum, r) => sum + (number(r[name]) || 0), 0);
  return `Today: spend ${usd(total("cost_usd"))}, baseline ${usd(total("baseline_usd"))}.`;
}

function stack(name, rows, value) {
  const total = rows.reduce((sum, r) => sum + (number(value(r)) || 0), 0);
  if (!total) return null;
  return [h("span", { class: "stack-name", "aria-hidden": "true" }, name),
    h("div", { class: "stack", "aria-hidden": "true" }, rows.map(r => h("i", { vars: { "--grow": (number(value(r)) || 0) / total, "--tone": tone(text(r.tier)) } })))];
}
function drawTiers(rows) {
  const requests = rows.reduce((sum, r) => sum + (number(r.requests) || 0), 0);
  put($("tiers"), stack("of the requests", rows, r => r.requests), stack("of the spend", rows, r => r.cost_usd),
    h("table", null,
      h("thead", null, h("tr", null, ["Tier", "Requests", "Share", "Spend"].map((n, i) => h("th", { scope: "col", class: i && "n" }, n)))),
      h("tbody", null, rows.map(r => h("tr", null, h("td", null, tierMark(r.tier)), h("td", { class: "n" }, count(r.requests)),
        h("td", { class: "n" }, requests ? percent((number(r.requests) || 0) / requests, 0) : "–"), h("td", { class: "n" }, usd(r.cost_usd)))))));
}

function drawLatency(rows) {
  const timed = rows.filter(r => number(r.p50_ms) !== null);
  const most = Math.max(...timed.map(r => Math.max(r.p50_ms, number(r.p95_ms) || 0)), 1), width = 220;
  const x = v => 6 + (width - 12) * (v / most);
  put($("latency"), h("table", null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Tier"), h("th", { scope: "col" }, h("span", { class: "vh" }, "Range")),
      h("th", { scope: "col", class: "n" }, "Median"), h("th", { scope: "col", class: "n" }, "95 %"))),
    h("tbody", null, timed.map(r => {
      const far = number(r.p95_ms) === null ? r.p50_ms : r.p95_ms;
      return h("tr", null, h("td", null, tierMark(r.tier)),
        h("td", { vars: { width: "45%" } }, svg("svg", { class: "chart", viewBox: `0 0 ${width} 16`, height: 18, "aria-hidden": "true", preserveAspectRatio: "xMinYMid meet" },
          svg("g", null, svg("line", { class: "span", x1: x(r.p50_ms), x2: x(far), y1: 8, y2: 8 }), svg("circle", { class: "dot hollow", cx: x(far), cy: 8, r: 4 }), svg("circle", { class: "dot", cx: x(r.p50_ms), cy: 8, r: 4 })))),
        h("td", { class: "n" }, ms(r.p50_ms)), h("td", { class: "n" }, ms(r.p95_ms)));
    }))));
  $("latency").querySelectorAll("svg").forEach((one, i) => one.style.setProperty("--tone", tone(text(timed[i].tier))));
}

function meter(part, whole_) {
  const share = whole_ > 0 ? Math.min(1, part / whole_) : 0;
  return h("span", { class: "bar", "aria-hidden": "true" }, h("i", { vars: { "--to": share * 100 + "%" } }));
}
function drawGates(rows) {
  put($("gates"), h("table", null,
    h("thead", null, h("tr", null, ["Gate", "Rejected", "Judged", "Share"].map((n, i) => h("th", { scope: "col", class: i && "n" }, n)))),
    h("tbody", null, rows.map(r => {
      const judged = number(r.judged), rejected = number(r.rejected) || 0;
      return h("tr", null, h("td", null, own(r.gate), meter(rejected, judged || 0)), h("td", { class: "n" }, count(rejected)),
        h("td", { class: "n" }, count(judged)), h("td", { class: "n" }, judged ? percent(rejected / judged) : "–"));
    }))));
}

function drawHoldout(found) {
  const { low, high, saved_share: share } = found;
  const known = [low, high, share].every(v => number(v) !== null);
  const parts = [h("p", null, `${plural(number(found.callers) || 0, "caller", "callers")}, ${plural(number(found.requests) || 0, "request", "requests")} always on the dearest tier.`)];
  if (known) {
    const from = Math.min(0, low, share), to = Math.max(1, high), width = 320;
    const x = v => 8 + (width - 16) * ((v - from) / (to - from));
    parts.unshift(
      h("p", { class: "verdict" }, h("strong", null, percent(share) + " saved"), h("span", { class: "muted" }, ` measured; 95 % between ${percent(low)} and ${percent(high)}`)),
      svg("svg", { class: "chart", viewBox: `0 0 ${width} 44`, "aria-hidden": "true" },
        svg("line", { class: "gridline", x1: 8, x2: width - 8, y1: 26, y2: 26 }), svg("line", { class: "gridline", x1: x(0), x2: x(0), y1: 8, y2: 30 }),
        svg("line", { class: "span", x1: x(low), x2: x(high), y1: 18, y2: 18 }), svg("circle", { class: "dot", cx: x(share), cy: 18, r: 5 }),
        svg("text", { x: x(0), y: 42, "text-anchor": x(0) < 20 ? "start" : "middle" }, "0 %"), svg("text", { x: x(1), y: 42, "text-anchor": "end" }, "100 %")));
    if (number(found.saved_usd) !== null) parts.push(h("p", { class: "muted" }, `That is ${usd(found.saved_usd)}` + (number(found.saved_low_usd) === null ? "." : `, between ${usd(found.saved_low_usd)} and ${usd(found.saved_high_usd)}.`)));
    if (low <= 0) parts.push(h("p", { class: "warn" }, "Not shown yet: the interval holds zero."));
  } else if (!found.note) parts.push(h("p", { class: "muted" }, "Too few callers yet for an interval."));
  if (found.note) parts.push(h("p", { class: "muted" }, own(found.note)));
  put($("holdout"), parts);
}
