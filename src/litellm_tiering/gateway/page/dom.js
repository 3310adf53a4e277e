// Elements and words. Whatever comes from outside becomes a text node, and nothing else.
const LONGEST = 400; // characters of one value that are shown: names come from clients, and may be anything
const $ = id => document.getElementById(id);

function text(value) {
  if (value === null || value === undefined) return "";
  const said = typeof value === "object" ? JSON.stringify(value) : String(value);
  return said.length > LONGEST ? said.slice(0, LONGEST) + "…" : said;
}
const number = value => (typeof value === "number" && Number.isFinite(value) ? value : null);
const list = value => (Array.isArray(value) ? value : []);
const objects = value => list(value).filter(one => one !== null && typeof one === "object");

function fill(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : text(child));
  }
  return element;
}
function make(element, props) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, then] of Object.entries(value)) element.addEventListener(event, then);
    else if (name === "vars") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else element.setAttribute(name, value === true ? "" : text(value));
  }
  return element;
}
const h = (tag, props, ...children) => fill(make(document.createElement(tag), props), children);
const svg = (tag, props, ...children) =>
  fill(make(document.createElementNS("http://www.w3.org/2000/svg", tag), props), children);
const put = (where, ...children) => fill((where.replaceChildren(), where), children);
// A value of somebody's: isolated, so that right-to-left text in it cannot reorder what stands around it.
const own = value => h("bdi", null, value);
const chip = (value, tone) => h("span", { class: "chip " + (tone || "") }, own(value));

function say(words) {
  $("live").textContent = words;
}
function note(id, words, bad) {
  const where = $(id);
  where.textContent = words || "";
  where.classList.toggle("bad", Boolean(bad));
}

// Draws a panel anew only when what it shows has changed: focus and selection in it stay where they are.
const drawn = new Map();
function draw(id, data, render) {
  const seen = JSON.stringify(data);
  if (drawn.get(id) === seen) return;
  try {
    render(data);
    drawn.set(id, seen);
  } catch (fault) {
    console.error(id, fault); // one panel's trouble is not the others'
  }
}
function redraw(...ids) {
  if (!ids.length) drawn.clear();
  for (const id of ids) drawn.delete(id);
}

const money = digits => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const MONEY = [2, 3, 4, 5, 6, 7, 8, 9].map(money);
function usd(value) {
  const v = number(value);
  if (v === null) return "–";
  const size = Math.abs(v);
  if (size < 5e-10) return "$0";
  const digits = size >= 1 ? 2 : Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(size)) + (size < 0.1 ? 0 : 1)));
  return (v < 0 ? "−$" : "$") + MONEY[digits - 2].format(size);
}
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const count = value => (number(value) === null ? "–" : whole.format(value));
function percent(share, digits = 1) {
  const v = number(share);
  return v === null ? "–" : (v * 100).toFixed(Math.abs(v) >= 0.9995 ? 0 : digits) + " %";
}
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many);
const ms = value => {
  const v = number(value);
  if (v === null) return "–";
  return v >= 9950 ? (v / 1000).toFixed(0) + " s" : v >= 1000 ? (v / 1000).toFixed(1) + " s" : v.toFixed(v < 10 ? 1 : 0) + " ms";
};

const TWO = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { month: "short", day: "numeric" };
function when(at, seconds) {
  const v = typeof at === "string" ? Date.parse(at) : number(at) === null ? NaN : at * 1000;
  const date = new Date(v);
  if (Number.isNaN(date.getTime())) return h("span", null, "–");
  const time = date.toLocaleTimeString([], seconds ? { ...TWO, second: "2-digit" } : TWO);
  const today = date.toDateString() === new Date().toDateString();
  const said = today ? time : date.toLocaleDateString([], DAY) + ", " + time;
  return h("time", { datetime: date.toISOString(), title: date.toLocaleString() }, said);
}
function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return s + " s";
  if (s < 5400) return Math.round(s / 60) + " min";
  if (s < 129600) return (s / 3600).toFixed(s < 36000 ? 1 : 0) + " h";
  return Math.round(s / 86400) + " days";
}

// Tiers keep their colour: by their place on the ladder once the report has told it, else as they came.
const tones = new Map();
function ladderIs(tiers) {
  const known = [...tones.keys()], now = [...new Set([...tiers.map(text), ...known])];
  if (now.every((tier, i) => tier === known[i])) return false;
  tones.clear();
  now.forEach(tone);
  return true;
}
function tone(tier) {
  if (!tones.has(tier)) tones.set(tier, tones.size);
  return "var(--t" + Math.min(tones.get(tier), 5) + ")";
}
const tierMark = tier =>
  h("span", { class: "tier" }, h("span", { class: "swatch", "aria-hidden": "true", vars: { "--tone": tone(text(tier)) } }), own(tier));
