// Readings of one quantity as the columns that are drawn: times, values, and where they are thinned the least and greatest around.
// A column has null where the line is broken. What comes as it is made is put at the right; only what comes late has all made anew.
export class Readings {
  constructor() {
    this.replace([], "", [], 0);
  }

  // `breaks`: stretches [last time before, first time after] in which readings are missing. `bucket`: seconds that two of them stand for.
  replace(readings, obis, breaks, bucket) {
    this.obis = obis;
    this.breaks = breaks;
    this.bucket = bucket;
    this.newest = null; // [epoch, seq] of the newest datum
    this.points = new Map(); // each reading once, however often it comes
    this.columns = [[], [], [], []];
    this.band = false;
    this.add(readings);
    this.band = isBand([...this.points.values()], bucket);
    if (this.band) this.#build();
  }

  get size() {
    return this.points.size;
  }

  // Gives whether the numbering jumps, so that the remote has to say what is missing.
  add(readings) {
    let jumps = false;
    let late = false;
    for (const r of readings) {
      const numbered = r.epoch !== null; // what comes from rollups is not
      if (numbered) {
        jumps ||= this.newest !== null && (r.epoch !== this.newest[0] || Math.abs(r.seq - this.newest[1]) > 1);
        if (!this.newest || r.epoch > this.newest[0] || (r.epoch === this.newest[0] && r.seq > this.newest[1])) this.newest = [r.epoch, r.seq];
      }
      const value = r.values[this.obis];
      if (value === undefined) continue;
      const key = numbered ? r.epoch + "." + r.seq + "." + r.item : "at " + r.time + " " + value;
      if (this.points.has(key)) continue;
      this.points.set(key, [r.time, value]);
      const times = this.columns[0];
      if (this.band || (times.length && r.time < times[times.length - 1])) late = true;
      else this.#put(r.time, value);
    }
    if (late) this.#build();
    return jumps;
  }

  #put(t, value) {
    const [times, values, least, greatest] = this.columns;
    const before = times[times.length - 1];
    if (before !== undefined && this.#broken(before, t)) {
      times.push((before + t) / 2);
      for (const column of [values, least, greatest]) column.push(null);
    }
    times.push(t);
    values.push(value);
    least.push(null);
    greatest.push(null);
  }

  #broken(a, b) {
    return this.breaks.some(([after, before]) => Math.max(a, after) < Math.min(b, before));
  }

  #build() {
    this.columns = [[], [], [], []];
    for (const [t, value] of [...this.points.values()].sort((a, b) => a[0] - b[0])) this.#put(t, value);
    if (!this.band) return;
    // The two readings of a stretch stand beside each other, so each with its neighbours has both.
    const [, values, least, greatest] = this.columns;
    values.forEach((value, i) => {
      if (value === null) return;
      const near = [values[i - 1], value, values[i + 1]].filter((one) => one !== null && one !== undefined);
      least[i] = Math.min(...near);
      greatest[i] = Math.max(...near);
    });
  }
}

// Whether there are two readings of most stretches: the least and the greatest. Means of periods stand alone.
function isBand(points, bucket) {
  if (!bucket || points.length < 4) return false;
  const times = points.map(([t]) => t).sort((a, b) => a - b);
  const near = times.filter((t, i) => i && t - times[i - 1] < 0.9 * bucket).length;
  return near > points.length / 4;
}
