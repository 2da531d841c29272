// Several sensors and regions in one chart: what is chosen, how it is drawn, and the span are in the address, so that it can be sent.
import { svg } from "../drawing.js";
import { handsOn } from "../sensor/hands.js";
import { bounded } from "../sensor/span.js";
import { unitsOf } from "../sensor/units.js";
import { zoneOf } from "../sensor/zone.js";
import { handedOver, say } from "../words.js";
import { asked } from "./asked.js";
import { chooseIn } from "./choose.js";
import { DASHES, linesIn } from "./lines.js";

const WORDS = {
  compareAway: "The remote does not answer.",
  compareNone: "Nothing of what is chosen has readings in this span that you may see.",
  compareZone: "Times are those of {zone}.",
  compareSums: "Of regions there are sums by day and month only.",
  compareLacks: "{count} not given",
  compareSaid: "{name}: {value}",
  ...handedOver,
};
const REST_MS = 120; // a hand that does not move for so long is at rest
const SPANS = { curve: 86400, hour: 7 * 86400, day: 31 * 86400, month: 366 * 86400 }; // at first
const $ = (id) => document.getElementById(id);
const chart = $("chart");
const setup = JSON.parse(chart.dataset.compare);
const [zone, units] = [zoneOf(setup.zone), unitsOf(setup.scales)];
const skew = setup.now - Date.now() / 1000;
const now = () => Date.now() / 1000 + skew;
const address = new URLSearchParams(location.search);
const rows = [...document.querySelectorAll("#sums tbody tr")];
const state = { what: "", quantity: "", span: null, found: [], stop: new AbortController() };
const lines = linesIn(chart, zone, units, tell);

// A choice is a quantity as a curve, or a register by hour, day or month.
function choose(value, span) {
  const [what, quantity] = value.split(" ");
  Object.assign(state, { what, quantity, span: span ?? [now() - SPANS[what], now()] });
}

const unit = () => (state.what === "curve" ? setup.quantities.find((one) => one.obis === state.quantity)?.unit ?? "" : "Wh");
const text = (value) => (value === null || value === undefined ? "–" : units.show(value, unit()));

const energy = (wh) => (wh === null ? "–" : units.show(wh, "Wh"));

async function load() {
  state.stop.abort();
  const { signal } = (state.stop = new AbortController());
  const { what, quantity, span } = state;
  keep();
  const width = span[1] - span[0];
  const around = [Math.max(0, span[0] - width / 2), Math.min(now() + 60, span[1] + width / 2)];
  if (around[1] <= around[0]) around[1] = around[0] + 1;
  chart.setAttribute("aria-busy", "true");
  try {
    const found = await Promise.all(setup.chosen.map((one) => asked(one, { what, quantity, span, around }, setup, zone, signal)));
    if (signal.aborted) return;
    state.found = found;
    const first = !lines.plot;
    show();
    if (first) handsOn(chart, lines.plot, { span: () => state.span, wish, back });
    sums();
    const notes = [found.some((one) => one.values.length) ? "" : WORDS.compareNone];
    if (setup.chosen.some((one) => one.region !== undefined) && (what === "curve" || what === "hour")) notes.push(WORDS.compareSums);
    $("note").textContent = [...notes, say(WORDS.compareZone, { zone: zone.name })].filter(Boolean).join(" ");
  } catch (error) {
    if (error.name === "AbortError") return;
    $("note").textContent = WORDS.compareAway;
  }
  chart.removeAttribute("aria-busy");
}

// Of regions as much as each of their sensors has on average, if that is wanted: else one sensor lies flat beside hundreds.
function show() {
  const each = $("each")?.checked;
  lines.show({ lines: state.found.map((one) => (each && one.each.length ? { ...one, values: one.each } : one)), unit: unit(), zero: state.what === "curve" ? undefined : true, span: state.span });
}

// The table below: of what is shown, in numbers.
function sums() {
  rows.forEach((row, i) => {
    const one = state.found[i];
    row.querySelector(".total").textContent = energy(one.total) + (one.lacks ? ` (${say(WORDS.compareLacks, { count: one.lacks })})` : "");
    row.querySelector(".least").textContent = text(one.least);
    row.querySelector(".most").textContent = text(one.most);
    const each = row.querySelector(".each");
    if (each) each.textContent = one.mean === undefined ? "" : energy(one.mean);
  });
}

function tell(at) {
  $("readout").textContent = at === null ? "" : zone.label(at) + "  " + setup.chosen.map((one, i) => {
    const { times, values } = lines.lines[i];
    let place = -1;
    times.forEach((time, n) => { if (time <= at) place = n; });
    return place < 0 || values[place] === null ? "" : say(WORDS.compareSaid, { name: one.name, value: text(values[place]) });
  }).filter(Boolean).join(" · ");
}

function keep() {
  address.set("what", state.what);
  address.set("quantity", state.quantity);
  address.set("from", Math.floor(state.span[0]));
  address.set("to", Math.ceil(state.span[1]));
  if ($("each")?.checked) address.set("each", "1");
  else address.delete("each");
  history.replaceState(null, "", "?" + address);
  for (const link of document.querySelectorAll("a[data-carry]")) {
    const target = new URL(link.href);
    for (const name of ["what", "quantity", "from", "to", "each"]) if (address.has(name)) target.searchParams.set(name, address.get(name));
    link.href = target;
  }
}

let [resting, frame] = [0, 0];
function wish(span, _, rest) {
  state.span = bounded(span, state.span, { first: 0, last: now() }, now());
  frame ||= requestAnimationFrame(() => { frame = 0; lines.move(state.span); });
  clearTimeout(resting);
  resting = setTimeout(load, rest ? 0 : REST_MS);
}

function back() {
  choose($("what").value);
  load();
}

function begin() {
  chooseIn($("choose"), setup, keep);
  if (!setup.chosen.length) return;
  const wanted = address.get("what") + " " + address.get("quantity");
  if ([...$("what").options].some((one) => one.value === wanted)) $("what").value = wanted;
  const [from, to] = [Number(address.get("from")), Number(address.get("to"))];
  choose($("what").value, to > from ? [from, to] : null);
  $("what").addEventListener("change", back);
  if ($("each")) $("each").checked = address.get("each") === "1";
  $("each")?.addEventListener("change", () => { show(); keep(); });
  document.addEventListener("theme", lines.repaint);
  rows.forEach((row, i) => {
    const line = { class: "line-" + i, x1: 0, x2: 34, y1: 6, y2: 6, "stroke-width": 3, "stroke-dasharray": DASHES[i].join(" ") };
    row.querySelector(".key").replaceChildren(svg("svg", { viewBox: "0 0 34 12", width: 34, height: 12, "aria-hidden": "true" }, svg("line", line)));
  });
  load();
}
begin();
