// Energy by hour: a column a day, a row an hour of the site's clock. Where no readings are nothing is drawn, which is not zero. On the
// days on which clocks change an hour is there twice, or not at all.
import { made, roundNumbers } from "../drawing.js";
import { handedOver, say } from "../words.js";
import { get } from "./asking.js";
import { dayNames, later } from "./zone.js";

const WORDS = {
  hourNone: "{time}: no readings",
  hourSkipped: "this day has no such hour",
  hourTo: "{energy}, with what was drawn until {time}",
  hourGoing: "{energy} so far",
  dayShow: "{day}: show it in the curve",
  heatHoles: "Relays hold readings of some of these hours still: the curve of such a day asks them.",
  heatTop: "{energy} and more",
  heatEmpty: "No readings by the hour in these weeks.",
  ...handedOver,
};
const DAYS = 28;
const LEVELS = 8;
const MOST_SHARE = 0.95; // of the hours lie below the last level: one hot hour does not make all others pale

export async function begin(box, page) {
  const { setup, zone, units } = page;
  const [register, told, table, legend] = ["[name=register]", ".told", "table", ".levels"].map((css) => box.querySelector(css));
  const [earlier, newer, readout, span] = [".earlier", ".later", ".readout-line", ".span"].map((css) => box.querySelector(css));
  const named = dayNames(zone.tongue, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  const short = dayNames(zone.tongue, { day: "numeric", month: "short", year: "numeric" });
  const [month, monthOnly] = [{ month: "short", year: "numeric" }, { month: "short" }].map((options) => dayNames(zone.tongue, options));
  let last = zone.date(page.now());
  let turn = 0;

  // What each hour of these days has, from the answer: by when it begins, { wh, until: where the hours after it have no readings }.
  function hoursIn({ energy }) {
    const found = new Map();
    energy.forEach(({ begin: at, value }, i) => {
      const next = energy[i + 1]?.begin;
      found.set(at, { wh: value, until: next > at + 3600 ? next : null });
    });
    return found;
  }

  function said(at, hour) {
    const time = zone.label(at).slice(11, 16) + (zone.offset(at) === zone.offset(at + 7200) && zone.offset(at) === zone.offset(at - 7200) ? "" : " " + zone.signed(zone.offset(at)));
    if (!hour) return say(WORDS.hourNone, { time });
    const energy = units.show(hour.wh, "Wh");
    if (hour.until !== null) return time + ": " + say(WORDS.hourTo, { energy, time: zone.label(hour.until) });
    return time + ": " + (page.now() < at + 3600 ? say(WORDS.hourGoing, { energy }) : energy);
  }

  // The one hour of a cell, or both; none where clocks skip it, or it is yet to come.
  function cell(day, starts, hours, step) {
    if (!starts.length) return made("td", { class: "never", "data-day": day, title: WORDS.hourSkipped }, hidden(WORDS.hourSkipped));
    const now = page.now();
    const parts = starts.filter((at) => at <= now).map((at) => {
      const hour = hours.get(at);
      const level = hour ? "e" + Math.min(LEVELS - 1, Math.floor(hour.wh / step)) : "none";
      return made("i", { class: level + (hour?.until ? " reaches" : "") });
    });
    if (!parts.length) return made("td", { class: "ahead" });
    const text = starts.filter((at) => at <= now).map((at) => said(at, hours.get(at))).join("; ");
    return made("td", { "data-day": day, title: text, class: "of" + parts.length }, ...parts, hidden(text));
  }

  function draw(days, hours) {
    const most = [...hours.values()].map((hour) => hour.wh).sort((a, b) => a - b);
    const top = Math.max(1, most[Math.ceil(MOST_SHARE * most.length) - 1] ?? 1);
    const step = roundNumbers(0, top, LEVELS - 1)[1] ?? top;
    const starts = days.map((day) => grouped(zone.hours(day), zone.hour));
    const months = made("tr", {}, made("td", {}));
    days.forEach((day, i) => {
      if (i && day.slice(0, 7) === days[i - 1].slice(0, 7)) months.lastChild.colSpan += 1;
      else months.append(made("th", { scope: "colgroup", class: "month", colspan: 1, "data-day": day }, month(day)));
    });
    for (const head of months.querySelectorAll("th")) if (head.colSpan < 3) head.textContent = monthOnly(head.dataset.day);
    const heads = made("tr", {}, made("td", {}), ...days.map((day, i) => {
      const to = say(WORDS.dayShow, { day: named(day) });
      const button = made("button", { type: "button", "data-day": day, "aria-label": to, title: to, tabindex: i === days.length - 1 ? 0 : -1 }, String(Number(day.slice(8))));
      const weekend = [0, 6].includes(new Date(day).getUTCDay());
      return made("th", { scope: "col", class: weekend ? "weekend" : "" }, button);
    }));
    const rows = Array.from({ length: 24 }, (_, hour) => made("tr", {},
      made("th", { scope: "row" }, String(hour).padStart(2, "0")),
      ...days.map((day, i) => cell(day, starts[i].get(hour) ?? [], hours, step))));
    table.tHead.replaceChildren(months, heads);
    table.tBodies[0].replaceChildren(...rows);
    const swatches = Array.from({ length: LEVELS }, (_, level) => made("i", { class: "e" + level }));
    legend.replaceChildren(units.show(0, "Wh") + " ", ...swatches, " " + say(WORDS.heatTop, { energy: units.show((LEVELS - 1) * step, "Wh") }));
    // For tests, and scripts of whoever likes: what is drawn now.
    box.drawn = { days, hours, step };
  }

  async function load() {
    const mine = ++turn;
    const days = Array.from({ length: DAYS }, (_, n) => later(last, n - DAYS + 1));
    earlier.disabled = setup.first === null || days[0] <= zone.date(setup.first);
    newer.disabled = last >= zone.date(page.now());
    span.textContent = short(days[0], last);
    const answer = await get(setup.energy, { unit: "hour", quantities: register.value, from: days[0], to: last, wait: 0 });
    if (mine !== turn) return;
    draw(days, hoursIn(answer));
    told.textContent = [answer.energy.length ? "" : WORDS.heatEmpty, answer.holes.length ? WORDS.heatHoles : ""].join(" ").trim();
    const scroll = table.parentElement;
    scroll.scrollLeft = scroll.scrollWidth;
  }

  const go = (days) => {
    const today = zone.date(page.now());
    last = later(last, days);
    if (last > today) last = today;
    return load();
  };
  earlier.addEventListener("click", () => go(-DAYS));
  newer.addEventListener("click", () => go(DAYS));
  register.addEventListener("change", load);

  table.addEventListener("click", (event) => {
    const day = event.target.closest("button, td")?.dataset.day;
    if (!day) return;
    page.show([zone.midnight(day), zone.midnight(later(day, 1))]);
    page.chart.scrollIntoView({ block: "center" });
    page.chart.focus({ preventScroll: true });
  });
  table.addEventListener("pointerover", (event) => {
    const place = event.target.closest("td[title]");
    readout.textContent = place ? short(place.dataset.day) + ", " + place.title : "";
  });
  // One stop for Tab; arrows go from day to day.
  table.addEventListener("keydown", (event) => {
    const buttons = [...table.querySelectorAll("thead button")];
    const at = buttons.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, to))];
    buttons[at].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  await load();
}

const hidden = (text) => made("span", { class: "visually-hidden" }, text);

function grouped(values, key) {
  const found = new Map();
  for (const value of values) found.set(key(value), [...(found.get(key(value)) ?? []), value]);
  return found;
}
