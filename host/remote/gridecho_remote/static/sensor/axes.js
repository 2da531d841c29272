// The axes of a chart over time: colours of the page, round times of the site's zone, values in units for people.
const FONT_PX = 12;

export function coloursNow() {
  const css = getComputedStyle(document.documentElement);
  const of = (name) => css.getPropertyValue(name).trim();
  return {
    of, line: of("--accent"), grid: of("--bs-border-color"), text: of("--bs-body-color"),
    gap: of("--bs-secondary-color"), hole: of("--bs-warning"), font: FONT_PX + "px " + (of("--bs-body-font-family") || "sans-serif"),
  };
}

// What is drawn from 0 on: where the length above it says how much there is.
export const isFromZero = (unit) => unit === "W" || unit === "mA";

export function rangeOf(unit, least, most, zero = isFromZero(unit)) {
  if (least === null || least === undefined) return [0, 10 ** 3];
  if (!zero) return uPlot.rangeNum(least, most, 0.1, true);
  const pad = 0.06 * Math.max(most - least, Math.abs(most), Math.abs(least), 1);
  return [least < 0 ? least - pad : 0, Math.max(0, most) + pad];
}

// As many decimals as the steps need, not more.
function axisText(value, splits, [, divisor]) {
  const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) / divisor : 1;
  const decimals = [0, 1, 2, 3, 4, 5].find((n) => Math.abs(step * 10 ** n - Math.round(step * 10 ** n)) < 1e-6) ?? 6;
  return (value / divisor).toFixed(decimals);
}

// uPlot's axes. `now()`: { colours, scale } as they are when it draws; `told(ticks)`: the times that it labels.
export function axesOf(zone, now, told) {
  const grid = () => now().colours.grid;
  const axis = { stroke: () => now().colours.text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, font: coloursNow().font };
  let ticks = [];

  // The axis is as wide as its widest label.
  function room(u, labels) {
    if (!labels) return 48;
    const { font } = now().colours;
    u.ctx.font = FONT_PX * devicePixelRatio + "px " + font.slice(font.indexOf(" ") + 1);
    return Math.ceil(Math.max(...labels.map((text) => u.ctx.measureText(text).width), 0) / devicePixelRatio) + 14;
  }

  return [{
    ...axis, size: 44, gap: 4,
    splits: (u, _, from, to) => {
      ticks = zone.ticks(from, to, Math.max(2, Math.floor((u.width - 60) / 110)));
      told(ticks);
      return ticks.map((tick) => tick.at);
    },
    values: () => ticks.map((tick) => tick.text),
  }, {
    ...axis, size: room, gap: 6,
    values: (u, splits) => splits.map((value) => axisText(value, splits, now().scale)),
  }];
}
