// A sensor's load chart: one quantity over a span that follows the clock or that was zoomed to. What is here is drawn at once; then
// relays are asked for what is not. While somebody zooms or moves, what is there stays drawn until the answer for it comes.
import { handedOver } from "../words.js";
import { ask, attempt, byItself, giveUp, inTurn, isByItself, repeat } from "./asking.js";
import { curveIn } from "./curve.js";
import { handsOn } from "./hands.js";
import { liveFrom } from "./live.js";
import { note, nothingYet, summary } from "./notes.js";
import { Readings } from "./readings.js";
import { bounded, firstSpan, spanOf } from "./span.js";
import { tilesOf } from "./tiles.js";
import { unitsOf } from "./units.js";
import { zoneOf } from "./zone.js";

const WORDS = {
  told: "Readings come as they are made.",
  asked: "Readings are asked for every two seconds.",
  ...handedOver,
};
const POLL_MS = 2000;
const SELDOM = 5; // turns: what is told as it comes need not be asked for each time
const LATELY_MS = 10000;
const REST_MS = 80; // a hand that does not move for so long is at rest
const SLOW_MS = 200; // an answer that takes longer is waited for visibly
const WAIT = 5; // seconds, for relays
const POINTS = 1500; // in the width of the chart
const AHEAD = 60; // what lies further ahead of now comes from a wrong clock

const $ = (id) => document.getElementById(id);
const chart = $("chart");
const setup = JSON.parse(chart.dataset.chart);
const base = setup.readings.replace(/\/readings$/, "");
const zone = zoneOf(setup.zone);
const units = unitsOf(setup.scales);
const skew = setup.now - Date.now() / 1000; // the remote's clock counts, not the browser's
const now = () => Date.now() / 1000 + skew;
const readings = new Readings();
const curve = curveIn(chart, zone, units);
const tiles = tilesOf(base, units, zone, now);
const state = {
  quantity: setup.quantities.find((q) => q.obis === $("quantity").value),
  seconds: firstSpan(setup),
  zoom: null, // [from, to] in Unix seconds, or null: follow
  last: setup.last,
  first: setup.first,
  cut: null,
  asOf: 0,
  missing: 0, // datagrams, from the holes in the sensor's numbering
  holes: [], // spans of which readings are on relays still
  asking: false, // relays for them
  turn: 0, // of loads: an answer to an older one is not drawn any more
  fresh: true, // something came since the tiles were asked for
  lately: [], // [when in ms, reading] of what came as it was made
  stale: false, // what is wanted was asked for and has not come: it is asked for again
  wished: 0, // when somebody wished for what is not drawn yet, in ms; 0: nobody did
};

const live = liveFrom(base, {
  mark(told) {
    $("told").className = "dot " + (told ? "live" : "quiet");
    $("told").title = told ? WORDS.told : WORDS.asked;
  },
  take: (came, still) => byItself(async () => {
    if (!still()) return;
    state.fresh = true;
    state.lately = state.lately.concat(came.map((r) => [Date.now(), r])).filter(([ms]) => ms > Date.now() - LATELY_MS);
    await take(came, false);
  }),
  anew: (still) => byItself(async () => { if (still()) await load(); }),
});

const shownSpan = () => spanOf(state, now());

async function load() {
  if (!state.quantity) { nothingYet(); return; }
  const turn = ++state.turn;
  if (!await showSpan(turn, 0)) return;
  await countMissing();
  if (state.holes.length && turn === state.turn) attempt(() => fill(turn, isByItself()));
}

// Beside what goes on: readings come meanwhile.
async function fill(turn, quiet) {
  state.asking = true;
  controls();
  try {
    await showSpan(turn, WAIT, quiet);
  } finally {
    state.asking = false;
  }
  if (turn === state.turn) await countMissing(quiet);
}

// When following, a clock that is a little ahead must not hide the newest reading.
const until = (to) => Math.ceil(state.zoom ? to : Math.max(to, now() + AHEAD));

async function showSpan(turn, wait, quiet) {
  const [from, to] = shownSpan();
  // Half as much on either side, so that who moves sees the curve at once.
  const around = state.zoom && !wait ? (to - from) / 2 : 0;
  const slow = wait ? 0 : setTimeout(() => { $("busy").hidden = false; }, SLOW_MS); // of relays the note tells
  try {
    const answer = await ask(setup.readings, {
      quantities: state.quantity.obis, from: Math.max(0, Math.floor(from - around)), to: until(to + around), wait,
      points: around ? 2 * POINTS : POINTS,
    }, quiet);
    if (turn !== state.turn) return false;
    readings.replace(answer.readings, state.quantity.obis, answer.breaks, answer.bucket_s);
    state.stale = false;
    state.cut = answer.cut_before;
    state.asOf = answer.as_of;
    if (!live.on) live.at = answer.as_of;
    state.holes = answer.holes.filter((hole) => hole.from < until(to) && hole.to > from);
    readings.add(state.lately.map(([, r]) => r)); // what came while this was on its way
    extend(answer.readings);
    draw(true);
    return true;
  } finally {
    clearTimeout(slow);
    if (!wait) $("busy").hidden = true;
  }
}

function extend(came) {
  for (const r of came) {
    if ((state.last === null || r.time > state.last) && r.time <= now() + AHEAD) state.last = r.time;
    if (state.first === null || r.time < state.first) state.first = r.time;
  }
}

async function countMissing(quiet) {
  const turn = state.turn;
  const { gaps } = await ask(base + "/gaps", {}, quiet);
  if (turn !== state.turn) return;
  const [from, to] = shownSpan();
  const here = gaps.filter((gap) => gap.before >= from && (gap.after === null || gap.after <= to));
  state.missing = here.reduce((sum, gap) => sum + gap.last_seq - gap.first_seq + 1, 0);
  controls();
}

async function poll() {
  const turn = state.turn;
  const [from, to] = shownSpan();
  const answer = await ask(setup.readings, {
    quantities: state.quantity.obis, from: Math.max(0, Math.floor(from)), to: until(to), stored_since: state.asOf,
    live: live.on ? 0 : 1,
  });
  if (turn !== state.turn) return;
  state.asOf = answer.as_of;
  if (!live.on) live.at = answer.as_of;
  state.holes = answer.holes;
  await take(answer.readings, answer.next);
}

async function take(came, more) {
  const jumps = readings.add(came);
  extend(came);
  if (jumps || more || readings.size > 2 * POINTS) { await load(); return; }
  draw();
  // Late readings may have filled a hole.
  if (state.missing) await countMissing();
}

function spans() {
  const [from, to] = shownSpan();
  const gaps = readings.breaks.map(([after, before]) => ({ from: after, to: before, kind: "gap" }));
  const holes = state.holes.map((hole) => ({ from: hole.from, to: hole.to, kind: "hole" }));
  return [...gaps, ...holes].filter((one) => one.to > from && one.from < to);
}

function draw(anew) {
  const what = { columns: readings.columns, band: readings.band, unit: state.quantity.unit, span: shownSpan(), spans: spans() };
  const first = !curve.plot;
  curve.show(what, anew && drawn);
  if (first) handsOn(chart, curve.plot, { span: shownSpan, wish, back });
  if (anew) summary(state.quantity, what.span, what.columns, what.spans, units, zone);
  controls();
}

// For who measures (gridecho bench pages): when the first curve was there, and how long a wish took.
function drawn() {
  if (!performance.getEntriesByName("curve").length && readings.size) performance.mark("curve");
  if (!state.wished) return;
  performance.clearMeasures("wish");
  performance.measure("wish", { start: state.wished, end: performance.now() });
  state.wished = 0;
}

function controls() {
  const [from, to] = shownSpan();
  for (const button of $("spans").children) {
    button.classList.toggle("active", !state.zoom && Number(button.dataset.seconds) === state.seconds);
  }
  for (const file of ["csv", "green"]) {
    if ($(file)) $(file).href = setup[file] + "?" + new URLSearchParams({ from: Math.max(0, Math.floor(from)), to: Math.ceil(to) });
  }
  const [times, values] = readings.columns;
  const visible = times.some((t, i) => values[i] !== null && t >= from && t <= until(to));
  note({ ...state, visible, bucket: readings.bucket, finest: setup.finest, zoomed: state.zoom !== null, spans: spans() }, zone);
  chart.dispatchEvent(new CustomEvent("shown", { detail: shown() }));
}

// What a program would ask for to have what is shown.
function shown() {
  const [from, to] = shownSpan();
  return { quantity: state.quantity?.obis ?? "", from: Math.max(0, Math.floor(from)), to: until(to), points: POINTS };
}

function follow() {
  live.follow(setup.live && !document.hidden && $("live").checked && state.quantity && !state.zoom, state.quantity && state.quantity.obis);
}

let newest = 0;
function loadAnew() {
  const mine = ++newest;
  state.turn += 1;
  state.stale = true;
  giveUp();
  clearTimeout(resting);
  return inTurn(async () => { if (mine === newest) await load(); }).then(follow);
}

// Another span: drawn from what is here at once, and asked for when the hand is at rest.
let resting = 0;
let asked = 0; // when it was last asked for, in ms
let frame = 0;
function wish([from, to], at, rest) {
  state.zoom = bounded([from, to], shownSpan(), state, now());
  if (!state.wished) state.wished = at;
  frame ||= requestAnimationFrame(() => { frame = 0; curve.move(shownSpan()); });
  clearTimeout(resting);
  if (rest && performance.now() - asked > 4 * REST_MS) {
    asked = performance.now();
    loadAnew();
  } else {
    resting = setTimeout(() => { asked = performance.now(); loadAnew(); }, REST_MS);
  }
}

function back() {
  state.zoom = null;
  loadAnew();
}

$("quantity").addEventListener("change", () => {
  state.quantity = setup.quantities.find((q) => q.obis === $("quantity").value);
  state.lately = [];
  live.end();
  loadAnew();
});
$("spans").addEventListener("click", (event) => {
  if (!event.target.dataset.seconds) return;
  state.seconds = Number(event.target.dataset.seconds);
  back();
});
$("live").addEventListener("change", follow);
document.addEventListener("visibilitychange", follow);
document.addEventListener("theme", curve.repaint);

async function renew(seldom) {
  if (!live.on || state.fresh || seldom) {
    state.fresh = false;
    const quantities = await tiles.renew();
    // A sensor's first readings: the page knows its quantities only from now on. Until then all may wait on a relay.
    if (!state.quantity && quantities.length) location.reload();
    else if (!state.quantity) await ask(setup.readings, { limit: 1, wait: 0, live: 1 });
  } else {
    tiles.seen();
  }
  const holes = state.holes.length || state.missing;
  if (state.quantity && state.stale) {
    await load();
  } else if (state.quantity && !state.zoom) {
    if (!live.on || (seldom && holes)) await poll();
    else draw();
  } else if (state.holes.length) {
    await load();
  }
}

let turns = 0;
async function turn() {
  turns += 1;
  if (document.hidden || !$("live").checked) return;
  await byItself(() => renew(turns % SELDOM === 0));
  follow();
}

// What stands below the curve is made after it, and says of which span somebody wants to see the curve.
async function rest() {
  const { rest: begin } = await import("./rest.js");
  begin({ setup, base, zone, units, now, chart, shown, show: ([from, to]) => wish([from, to], performance.now(), true) });
}

loadAnew().then(() => { repeat(turn, POLL_MS); attempt(rest); });
