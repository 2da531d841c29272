// A group's page is drawn by the server, and renewed (renew.js). Here is only the drawing: for each relay its bars, the fitted curve
// and the area under it, all on one scale. Colours are in remote.css.
import { roundNumbers, svg } from "./drawing.js";
import { handedOver, say } from "./words.js";

const WORDS = {
  most: "The first {shown} of {all} relays are drawn.",
  score: "load score",
  proxy: "proxy",
  bar: "{count} readings a period",
  chart: "{relay}: readings collected in each sampling period, and the curve fitted to them",
  ...handedOver,
};
const MOST_CHARTS = 48;
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 10, 6, 24]; // margins, px
const $ = (id) => document.getElementById(id);

const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const exact = (number, digits) => number.toLocaleString(undefined, { maximumFractionDigits: digits });

function plot(relay, h, top, width, height) {
  const span = h.periods * h.period_s;
  const [size, unit] = span >= 3 * 86400 ? [86400, "d"] : span >= 3 * 3600 ? [3600, "h"] : span >= 180 ? [60, "min"] : [1, "s"];
  const start = h.first * h.period_s;
  const x = (seconds) => LEFT + seconds / span * (width - LEFT - RIGHT);
  const y = (value) => height - BOTTOM - value / top * (height - TOP - BOTTOM);
  const drawn = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": say(WORDS.chart, { relay: relay.name }) });
  for (const value of roundNumbers(0, top, 4)) {
    drawn.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
    drawn.append(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short.format(value)));
  }
  for (const value of roundNumbers(start / size, (start + span) / size, width / 80)) {
    const at = x(value * size - start);
    const anchor = at > width - RIGHT - 14 ? "end" : "middle";
    drawn.append(svg("text", { x: at, y: height - 6, "text-anchor": anchor }, `${exact(value, 3)} ${unit}`));
  }
  relay.bars.forEach((count, i) => {
    const [from, to] = [i * h.step, Math.min((i + 1) * h.step, h.periods)].map((period) => x(period * h.period_s));
    const bar = { class: "bar", x: from + (to - from) * 0.04, width: (to - from) * 0.92, y: y(count), height: y(0) - y(count) };
    drawn.append(svg("rect", bar, svg("title", {}, say(WORDS.bar, { count: exact(count, 3) }))));
  });
  const line = relay.curve.map((value, i) => `${x(h.places[i])},${y(value)}`).join("L");
  if (line) {
    drawn.append(svg("path", { class: "area", d: `M${x(h.places[0])},${y(0)}L${line}L${x(h.places[h.places.length - 1])},${y(0)}Z` }));
    drawn.append(svg("path", { class: "fit", d: "M" + line }));
  }
  return drawn;
}

function draw() {
  const charts = $("charts");
  const h = JSON.parse(charts.dataset.histograms);
  const relays = h && h.periods ? h.relays.slice(0, MOST_CHARTS) : [];
  const top = Math.max(1, ...relays.map((r) => Math.max(...r.bars, ...r.curve))) * 1.06;
  charts.replaceChildren(...relays.map((relay) => {
    const name = document.createElement("strong");
    name.textContent = relay.name;
    const score = document.createElement("span");
    score.textContent = exact(relay.score, 0);
    score.title = WORDS.score;
    const caption = document.createElement("figcaption");
    caption.append(name, ...(String(relay.relay) === charts.dataset.proxy ? [badge()] : []), score);
    const card = document.createElement("figure");
    card.id = "chart-" + relay.relay;
    card.append(caption);
    // What it shows, for tests: they hold the drawing against it.
    card.drawn = { bars: relay.bars, curve: relay.curve, top };
    return card;
  }));
  // When all stand in the page they have a width, and all the same one.
  const width = charts.firstElementChild ? charts.firstElementChild.clientWidth - 16 : 0;
  [...charts.children].forEach((card, i) => card.append(plot(relays[i], h, top, width, 176)));
  if (h && h.relays.length > MOST_CHARTS && relays.length) $("charts-note").textContent = say(WORDS.most, { shown: MOST_CHARTS, all: h.relays.length });
}

function badge() {
  const mark = document.createElement("span");
  mark.className = "badge proxy";
  mark.textContent = WORDS.proxy;
  return mark;
}

document.addEventListener("renewed", ({ detail: page }) => {
  const fresh = page.getElementById("charts").dataset;
  if (fresh.histograms !== $("charts").dataset.histograms || fresh.proxy !== $("charts").dataset.proxy) {
    Object.assign($("charts").dataset, fresh);
    draw();
  }
});

let width = 0;
new ResizeObserver(() => {
  if ($("charts").clientWidth === width) return;
  width = $("charts").clientWidth;
  draw();
}).observe($("charts"));
