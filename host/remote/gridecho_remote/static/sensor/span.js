// Which span is shown: it follows the clock, or somebody chose it. Times are Unix seconds; `first`, `last`: of the readings, or null.
const LEAST = 10;
const MOST = 30 * 366 * 86400;

// How many seconds are shown at first. `finest`: of how many seconds each point is at least, where single readings are not open.
export function firstSpan({ first, last, finest }) {
  if (first === null) return 300;
  if (finest) return finest > 3600 ? 0 : 7 * 86400;
  const held = last - first;
  return [300, 3600, 21600].find((seconds) => held <= seconds) || 86400;
}

// `seconds`: how many up to now; 0: all that there is. `zoom`: [from, to], or null: it follows.
export function spanOf({ zoom, seconds, first, last }, now) {
  if (zoom) return zoom;
  // A sensor that has been silent for long is shown as it was last seen.
  const silent = last !== null && now - last > (seconds || 86400);
  const to = silent ? last + 1 : now;
  const from = seconds ? to - seconds : first === null ? to - 300 : first;
  return [from, to];
}

// A span that is wished for, of a length that can be, and where there is something: what is in view can be gone to, and what has readings.
export function bounded([from, to], [begin, end], { first, last }, now) {
  const middle = Math.max(Math.min(first ?? 0, begin), Math.min(Math.max(last ?? 0, now, end), (from + to) / 2));
  const half = Math.max(LEAST, Math.min(MOST, to - from)) / 2;
  return [Math.max(0, middle - half), middle + half];
}
