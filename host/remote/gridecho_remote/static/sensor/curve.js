// The curve itself, drawn by uPlot: a line over time, a band where it is thinned, shaded spans where readings are missing.
// Times are Unix seconds and values the integers that were sent; only labels are in the site's zone and in units for people.
import { handedOver, say } from "../words.js";
import { axesOf, coloursNow, isFromZero, rangeOf } from "./axes.js";

const WORDS = {
  between: "{least} to {greatest}",
  ...handedOver,
};
const MARKS = 60; // up to so many readings have a dot each

// `box`: the element; `zone`, `units`: see zone.js, units.js. `box.curve` tells tests, and scripts of whoever likes, what is drawn now.
export function curveIn(box, zone, units) {
  const shown = { columns: [[], [], [], []], band: false, unit: "", span: [0, 1], spans: [] };
  let colours = {};
  let scale = [0, 1, "", 0];
  let ticks = [];
  let plot = null;
  let drawn = () => {}; // told once, of the next drawing

  box.curve = {
    get data() { return shown.columns; }, // [times, values, least, greatest], null where the line is broken
    get span() { return shown.span; }, // [from, to]
    get spans() { return shown.spans; }, // [{ from, to, kind: "gap" | "hole" }]
    get band() { return shown.band; },
    get unit() { return scale[2]; },
    get ticks() { return ticks.map((tick) => tick.text); },
    get plot() { return plot; },
  };

  function shade(u) {
    const { left, top, width, height } = u.bbox;
    const [from, to] = shown.span;
    u.ctx.save();
    for (const { from: a, to: b, kind } of shown.spans) {
      if (b < from || a > to) continue;
      const x = u.valToPos(Math.max(a, from), "x", true);
      const wide = Math.max(devicePixelRatio, u.valToPos(Math.min(b, to), "x", true) - x);
      u.ctx.globalAlpha = kind === "hole" ? 0.22 : 0.14;
      u.ctx.fillStyle = colours[kind];
      u.ctx.fillRect(Math.max(left, x), top, Math.min(wide, left + width - x), height);
    }
    u.ctx.restore();
  }

  // A reading between two breaks has no line; it gets a dot.
  function alone(u, index, show) {
    if (show) return null;
    const values = u.data[index];
    const [first, last] = u.series[0].idxs;
    const found = [];
    for (let i = first; i <= last; i += 1) if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) found.push(i);
    return found.length ? found : null;
  }

  const readout = document.createElement("div");
  readout.className = "readout";
  readout.hidden = true;

  function tell(u) {
    const { idx, left } = u.cursor;
    const value = idx === null || idx === undefined || left < 0 ? null : u.data[1][idx];
    readout.hidden = value === null || value === undefined;
    if (readout.hidden) return;
    const text = (one) => units.show(one, shown.unit, scale);
    const [least, greatest] = [u.data[2][idx], u.data[3][idx]];
    const said = shown.band && least !== greatest ? say(WORDS.between, { least: text(least), greatest: text(greatest) }) : text(value);
    readout.replaceChildren(zone.label(u.data[0][idx]), document.createElement("br"), said);
    const x = u.valToPos(u.data[0][idx], "x");
    readout.style.left = Math.max(0, Math.min(u.over.clientWidth - readout.offsetWidth, x + 12)) + "px";
  }

  function options() {
    const hidden = { show: true, stroke: null, width: 0, points: { show: false } };
    return {
      width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [10, 12, 0, 0],
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 7 } },
      scales: { x: { time: false }, y: { range: (u, least, most) => rangeOf(shown.unit, least, most) } },
      series: [{}, {
        stroke: () => colours.line, width: 2, fillTo: 0,
        fill: () => (isFromZero(shown.unit) && !shown.band ? colours.line + "22" : null),
        points: { show: (u, _, first, last) => last - first <= MARKS, filter: alone, size: 5, fill: () => colours.line },
      }, hidden, hidden],
      bands: [{ series: [3, 2], fill: () => (shown.band ? colours.line + "40" : "transparent") }],
      axes: axesOf(zone, () => ({ colours, scale }), (made) => { ticks = made; }),
      hooks: { drawClear: [shade], draw: [() => { const told = drawn; drawn = () => {}; told(); }], setCursor: [tell] },
    };
  }

  function make() {
    colours = coloursNow();
    plot = new uPlot(options(), shown.columns, box);
    plot.over.append(readout);
    const unitName = document.createElement("div");
    unitName.className = "unit-name";
    plot.root.append(unitName);
    new ResizeObserver(() => {
      if (box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
    }).observe(box);
  }

  function draw(columns) {
    const most = shown.columns[1].reduce((a, b) => Math.max(a, Math.abs(b || 0)), 0);
    scale = units.scale(most, shown.unit);
    if (!plot) make();
    box.querySelector(".unit-name").textContent = scale[2];
    plot.series[1].width = shown.band ? 1 : 2;
    plot.batch(() => {
      if (columns) plot.setData(shown.columns, false);
      plot.setScale("x", { min: shown.span[0], max: shown.span[1] });
    });
  }

  return {
    // What is to be drawn; `then` is called once it is.
    show(what, then) {
      Object.assign(shown, what);
      if (then) drawn = then;
      draw(true);
    },

    // The same readings over another span.
    move(span) {
      shown.span = span;
      draw(false);
    },

    repaint() {
      if (!plot) return;
      colours = coloursNow();
      plot.redraw(true, true);
    },

    // The plot once it is made: hands.js puts listeners on it.
    get plot() { return plot; },
  };
}
