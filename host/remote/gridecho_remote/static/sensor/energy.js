// Energy by day or month, beside that of the period before: of a week, a month, a year. The two are compared by as much of them as is
// over, and only where both are known from end to end.
import { made, roundNumbers, svg } from "../drawing.js";
import { handedOver, say } from "../words.js";
import { get } from "./asking.js";
import { compared, partsOf } from "./periods.js";
import { dayNames } from "./zone.js";

const WORDS = {
  barNow: "{name}: {energy}",
  barGoing: "{name}: {energy} so far",
  barNone: "{name}: no readings",
  sumNow: "{period}: {energy}.",
  sumGoing: "{period}: {energy} so far.",
  sumPart: "Of the {count} of {all} that are over: {now}; of the same part of the period before: {before}. Difference: {change}.",
  sumWhole: "The period before, {period}: {energy}. Difference: {change}.",
  sumNothing: "Nothing of this period is over yet.",
  lessNow: "Of this period readings are missing at its begin or end: no difference is told.",
  lessBefore: "Of the period before readings are missing at its begin or end: no difference is told.",
  noChange: "it was nothing",
  energyEmpty: "No readings in either period.",
  energyHoles: "Relays hold readings of these periods still.",
  chartEnergy: "Energy, {period} beside {before}",
  ...handedOver,
};
const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [60, 4, 8, 22, 220]; // px

export async function begin(box, page) {
  const { setup, zone, units } = page;
  const [register, told, chart, body, sum, span, earlier, newer] = ["[name=register]", ".told", ".bars", "tbody", ".sum", ".span", ".earlier", ".later"]
    .map((css) => box.querySelector(css));
  const percent = new Intl.NumberFormat(zone.tongue, { style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" });
  const of = (options) => dayNames(zone.tongue, options);
  const NAMES = {
    week: { period: dayNames(zone.tongue, { day: "numeric", month: "short", year: "numeric" }), slot: of({ weekday: "short" }), full: of({ weekday: "long", day: "numeric", month: "short" }) },
    month: { period: of({ month: "long", year: "numeric" }), slot: (day) => String(Number(day.slice(8))), full: of({ day: "numeric", month: "short" }) },
    year: { period: of({ year: "numeric" }), slot: of({ month: "short" }), full: of({ month: "long", year: "numeric" }) },
  };
  let [kind, back, turn] = [box.querySelector("[data-period].active").dataset.period, 0, 0];
  let drawn = null;

  const show = (wh) => (wh === null ? "–" : units.show(wh, "Wh"));
  const change = (now, before) => (before > 0 ? percent.format(now / before - 1) : WORDS.noChange);

  function draw() {
    const { now, before } = drawn;
    const name = NAMES[kind];
    const [width, count] = [chart.clientWidth, Math.max(now.slots.length, before.slots.length)];
    const top = Math.max(1, ...[...now.slots, ...before.slots].map((slot) => slot.wh ?? 0)) * 1.05;
    const lines = roundNumbers(0, top, 4);
    const y = (wh) => HEIGHT - BOTTOM - wh / top * (HEIGHT - TOP - BOTTOM);
    const wide = (width - LEFT - RIGHT) / count;
    const label = say(WORDS.chartEnergy, { period: name.period(now.begin, now.end), before: name.period(before.begin, before.end) });
    const plot = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });
    for (const value of lines) {
      plot.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }));
      plot.append(svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, units.show(value, "Wh").replace(/\.00 /, " ")));
    }
    const every = Math.ceil(26 / wide);
    for (let i = 0; i < count; i += 1) {
      const x = LEFT + i * wide;
      [before, now].forEach((period, half) => {
        const slot = period.slots[i];
        if (!slot || slot.ahead || (slot.going && slot.wh === null)) return;
        const words = slot.wh === null ? WORDS.barNone : slot.going ? WORDS.barGoing : WORDS.barNow;
        const title = svg("title", {}, say(words, { name: name.full(slot.day), energy: show(slot.wh) }));
        const place = { x: x + wide * (half ? 0.5 : 0.08), width: wide * 0.42 };
        if (slot.wh === null) plot.append(svg("rect", { class: "none", ...place, y: y(0) - 6, height: 6 }, title));
        else plot.append(svg("rect", { class: (half ? "now" : "before") + (slot.going ? " going" : ""), ...place, y: y(slot.wh), height: Math.max(0, y(0) - y(slot.wh)) }, title));
      });
      const slot = now.slots[i] ?? before.slots[i];
      if (i % every === 0) plot.append(svg("text", { x: x + wide / 2, y: HEIGHT - 6, "text-anchor": "middle" }, name.slot(slot.day)));
    }
    chart.replaceChildren(plot);
    body.replaceChildren(...Array.from({ length: count }, (_, i) => {
      const [a, b] = [now.slots[i], before.slots[i]];
      const both = a && b && a.wh !== null && b.wh !== null && !a.going;
      const cells = [a && !a.ahead ? show(a.wh) : "", b ? show(b.wh) : "", both ? change(a.wh, b.wh) : ""];
      return made("tr", {}, made("th", { scope: "row" }, name.slot((a ?? b).day)), ...cells.map((text) => made("td", {}, text)));
    }));
    box.querySelector(".of-now").textContent = name.period(now.begin, now.end);
    box.querySelector(".of-before").textContent = name.period(before.begin, before.end);
  }

  function words({ now, before }, part) {
    const period = NAMES[kind].period(now.begin, now.end);
    if (now.wh === null) return before.wh === null ? WORDS.energyEmpty : say(WORDS.barNone, { name: period });
    const said = [say(now.going ? WORDS.sumGoing : WORDS.sumNow, { period, energy: show(now.wh) })];
    if (!part.slots) said.push(WORDS.sumNothing);
    else if (part.lacks) said.push(part.lacks === "now" ? WORDS.lessNow : WORDS.lessBefore);
    else if (now.going) said.push(say(WORDS.sumPart, { count: part.slots, all: now.slots.length, now: show(part.now), before: show(part.before), change: change(part.now, part.before) }));
    else said.push(say(WORDS.sumWhole, { period: NAMES[kind].period(before.begin, before.end), energy: show(part.before), change: change(part.now, part.before) }));
    return said.join(" ");
  }

  async function load() {
    const mine = ++turn;
    const open = register.selectedOptions[0].dataset.units.split(" "); // how finely it may be asked for
    const unit = open.includes("day") ? "day" : "month";
    for (const button of box.querySelectorAll("[data-period]")) {
      button.disabled = unit === "month" && button.dataset.period !== "year";
      if (button.disabled && button.dataset.period === kind) [kind, back] = ["year", 0];
    }
    for (const button of box.querySelectorAll("[data-period]")) {
      button.classList.toggle("active", button.dataset.period === kind);
      button.setAttribute("aria-pressed", button.dataset.period === kind);
    }
    const today = zone.date(page.now());
    const [before, now] = [back + 1, back].map((n) => partsOf(kind, today, n));
    span.textContent = NAMES[kind].period(now.begin, now.end);
    newer.disabled = back === 0;
    earlier.disabled = setup.first === null || before.begin <= zone.date(setup.first);
    const ask = (by) => get(setup.energy, { unit: by, quantities: register.value, from: before.begin, to: now.end < today ? now.end : today, wait: 0 });
    const [answer, months] = await Promise.all([ask(unit), kind === "year" && unit === "day" ? ask("month") : { energy: [] }]);
    if (mine !== turn) return;
    const dates = { today, first: setup.first, last: setup.last, midnight: zone.midnight, byHour: open.includes("hour") };
    const part = compared(now, before, answer.energy, unit, dates, months.energy);
    drawn = { now, before, part };
    box.drawn = drawn; // for tests, and scripts of whoever likes
    draw();
    sum.textContent = words(drawn, part);
    told.textContent = answer.holes.length ? WORDS.energyHoles : "";
  }

  box.querySelector(".kinds").addEventListener("click", (event) => {
    if (!event.target.dataset.period) return;
    [kind, back] = [event.target.dataset.period, 0];
    load();
  });
  earlier.addEventListener("click", () => { back += 1; load(); });
  newer.addEventListener("click", () => { back -= 1; load(); });
  register.addEventListener("change", load);
  await load();
  let width = chart.clientWidth;
  new ResizeObserver(() => {
    if (!chart.clientWidth || chart.clientWidth === width) return;
    width = chart.clientWidth;
    draw();
  }).observe(chart);
}
