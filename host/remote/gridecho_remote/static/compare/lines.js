// Lines of several sensors and regions in one chart, drawn by uPlot: each with a colour and a pattern of its own, so that who does not
// tell the colours apart still tells the lines. Times are Unix seconds, values integers in the unit that they were sent in.
import { axesOf, coloursNow, rangeOf } from "../sensor/axes.js";

export const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [14, 5]];

// `box`: the element; `told(index, time, values)`: where the pointer is, null where it is nowhere. `box.lines` tells tests what is drawn.
export function linesIn(box, zone, units, told) {
  const shown = { lines: [], unit: "", zero: undefined, span: [0, 1] }; // zero: whether it is drawn from there
  let colours = {};
  let scale = [0, 1, "", 0];
  let plot = null;
  let count = -1;

  box.lines = {
    get lines() { return shown.lines; }, // [{ times, values }]
    get span() { return shown.span; },
    get unit() { return scale[2]; },
    get plot() { return plot; },
  };

  // A null of a line stays one; a time that only another line has does not break it.
  const columns = () => uPlot.join(shown.lines.map(({ times, values }) => [times, values]));

  function at(u) {
    const { idx, left } = u.cursor;
    const there = idx !== null && idx !== undefined && left >= 0;
    told(there ? u.data[0][idx] : null);
  }

  function make(data) {
    plot?.destroy();
    count = shown.lines.length;
    plot = new uPlot({
      width: box.clientWidth, height: box.clientHeight, legend: { show: false }, padding: [10, 12, 0, 0],
      cursor: { drag: { x: false, y: false }, y: false, points: { size: 6 } },
      scales: { x: { time: false }, y: { range: (u, least, most) => rangeOf(shown.unit, least, most, shown.zero) } },
      series: [{}, ...shown.lines.map((_, i) => ({ stroke: () => colours.of("--line-" + i), width: 2, dash: DASHES[i], points: { show: false } }))],
      axes: axesOf(zone, () => ({ colours, scale }), () => {}),
      hooks: { setCursor: [at] },
    }, data, box);
    const unitName = document.createElement("div");
    unitName.className = "unit-name";
    plot.root.append(unitName);
  }

  function draw(anew) {
    const most = Math.max(0, ...shown.lines.map(({ values }) => values.reduce((a, b) => Math.max(a, Math.abs(b || 0)), 0)));
    scale = units.scale(most, shown.unit);
    const data = anew ? columns() : null;
    const fresh = count !== shown.lines.length;
    if (fresh) { colours = coloursNow(); make(data); }
    box.querySelector(".unit-name").textContent = scale[2];
    plot.batch(() => {
      if (anew && !fresh) plot.setData(data, false);
      plot.setScale("x", { min: shown.span[0], max: shown.span[1] });
    });
  }

  new ResizeObserver(() => {
    if (plot && box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
  }).observe(box);

  return {
    show(what) {
      Object.assign(shown, what);
      draw(true);
    },
    move(span) {
      shown.span = span;
      draw(false);
    },
    repaint() {
      if (!plot) return;
      colours = coloursNow();
      plot.redraw(true, true);
    },
    get plot() { return plot; },
    get lines() { return shown.lines; },
  };
}
