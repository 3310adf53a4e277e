// Exemptions: shown, given and ended; for administrators, as the proxy itself decides.
let exemptionTurn = 0;
async function loadExemptions() {
  const turn = ++exemptionTurn;
  try {
    const found = await call("exemptions?limit=50");
    if (turn !== exemptionTurn) return true; // asked again meanwhile: this answer may be older
    $("p-exemptions").hidden = false;
    draw("exemptions", { active: objects(found.active), history: objects(found.history) }, drawExemptions);
    return true;
  } catch (trouble) {
    if (trouble.kind !== "forbidden" && trouble.kind !== "missing") throw trouble;
    $("p-exemptions").hidden = true;
    return false;
  }
}
function drawExemptions({ active, history: told }) {
  put($("exemptions"), active.length ? h("ul", { class: "plain" }, active.map(exemptionItem)) : h("p", { class: "muted" }, "None in force."));
  $("history-box").hidden = !told.length;
  put($("history"), told.map(e => h("li", null, when(e.at), " ", own(e.what), " ", own([e.scope, e.id, e.route, e.mode].filter(Boolean).map(text).join(" ")), h("span", { class: "muted" }, " by ", own(e.by), e.reason ? [": ", own(e.reason)] : ""))));
}
function exemptionItem(e) {
  const end = h("button", { type: "button", "aria-label": `End the exemption of ${text(e.scope)} ${text(e.id)}` }, "End");
  let armed = false;
  // Asked twice, in place: a wrong click must not bring a budget down on somebody's launch.
  end.addEventListener("click", async () => {
    if (!armed) {
      armed = true;
      end.textContent = "End it now?";
      end.addEventListener("blur", () => { armed = false; end.textContent = "End"; }, { once: true });
      return;
    }
    await changeExemptions(() => call("exemptions/" + encodeURIComponent(text(e.exemption)), { method: "DELETE" }), "Ended.");
    $("exempt-id").focus();
  });
  return h("li", { class: "row" }, h("span", { vars: { flex: "1" } }, h("strong", null, own(e.scope)), " ", own(e.id), " until ", when(e.until),
    h("span", { class: "muted" }, " – ", own(e.reason), ", ", own(e.by))), end);
}
async function changeExemptions(change, words) {
  try {
    await change();
    note("exempt-note", words);
    await loadExemptions();
    return true;
  } catch (trouble) {
    if (trouble.kind !== "left") note("exempt-note", trouble.message, true);
    return false;
  }
}
function wireExemptions() {
  const form = $("exempt"), id = $("exempt-id");
  $("exempt-scope").addEventListener("change", () => { id.disabled = $("exempt-scope").value === "global"; });
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const { scope, until, reason } = Object.fromEntries(new FormData(form));
    const body = { scope, id: scope === "global" ? "*" : id.value.trim(), until, reason };
    if (await changeExemptions(() => call("exemptions", { method: "POST", body }), "Exempt from now on.")) {
      form.reset();
      id.disabled = false;
    }
  });
}
