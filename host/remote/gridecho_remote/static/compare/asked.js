// What is asked of the remote for a chart of several: a curve of each sensor, or energy by hour, day or month of sensors and regions.
import { get } from "../sensor/asking.js";
import { later } from "../sensor/zone.js";

const POINTS = 800; // a line
const MOST_DAYS = { hour: 366, day: 366, month: 3660, curve: 36600 }; // in one question
const MOST_REGION = 366;
const REGISTERS = { "1-0:1.7.0": "1-0:1.8.0", "1-0:2.7.0": "1-0:2.8.0" }; // of powers

// `what`: "curve", or a unit of energy. Gives { times, values, each, total, mean, least, most, lacks } of one sensor or region: `values` null where
// the line is broken; `each`: the same for each sensor on average, of a region; `total`: the energy of the periods that begin within the
// span, of a curve of power the hours, or days; `lacks`: how many of them are not given.
export async function asked(one, { what, quantity, span, around }, setup, zone, signal) {
  if (what === "curve") {
    if (one.sensor === undefined) return nothing();
    const [found, total] = await Promise.all([curve(one, quantity, span, around, setup, signal), energyIn(one, quantity, span, setup, zone, signal)]);
    return { ...found, total };
  }
  const [from, to] = days(around, what, zone, one.sensor === undefined ? Math.min(MOST_REGION, MOST_DAYS[what]) : MOST_DAYS[what]);
  const common = { unit: what, quantities: quantity, from, to };
  if (one.sensor !== undefined) {
    const { energy } = await get(`${setup.api}/${one.sensor}/energy`, { ...common, wait: 0 }, {}, signal);
    return periods(energy, what, span, zone);
  }
  if (what === "hour") return nothing();
  const { energy } = await get(`${setup.regions}/energy`, { ...common, region: one.region }, {}, signal);
  return periods(energy.map((sum) => ({ ...sum, begin: zone.midnight(sum.date) })), what, span, zone);
}

const nothing = () => ({ times: [], values: [], each: [], total: null, least: null, most: null, lacks: 0 });

// What a power amounts to in a span: what its register rose by in the whole hours that begin in it, of a longer span in the days.
async function energyIn(one, quantity, span, setup, zone, signal) {
  const register = REGISTERS[quantity];
  const unit = ["hour", "day"].find((step) => one.registers[register]?.includes(step) && span[1] - span[0] < MOST_DAYS[step] * 86400 / 4);
  if (!unit) return null;
  const [from, to] = days(span, unit, zone, MOST_DAYS[unit]);
  const { energy } = await get(`${setup.api}/${one.sensor}/energy`, { unit, quantities: register, from, to, wait: 0 }, {}, signal);
  return periods(energy, unit, span, zone).total;
}

async function curve(one, quantity, [from, to], [begin, end], setup, signal) {
  const answer = await get(`${setup.api}/${one.sensor}/readings`, { quantities: quantity, from: Math.floor(begin), to: Math.ceil(end), points: POINTS, wait: 0 }, {}, signal);
  const found = nothing();
  for (const { time, values } of answer.readings) {
    const before = found.times.at(-1);
    if (before !== undefined && answer.breaks.some(([after, until]) => Math.max(before, after) < Math.min(time, until))) {
      found.times.push((before + time) / 2);
      found.values.push(null);
    }
    found.times.push(time);
    found.values.push(values[quantity]);
  }
  const inside = found.values.filter((value, i) => value !== null && found.times[i] >= from && found.times[i] <= to);
  if (inside.length) [found.least, found.most] = [Math.min(...inside), Math.max(...inside)];
  return found;
}

// Each period is a step from its begin to its end.
function periods(energy, what, [from, to], zone) {
  const found = nothing();
  const inside = [];
  energy.forEach(({ begin, date, value, sensors }) => {
    const end = what === "hour" ? begin + 3600 : zone.midnight(what === "day" ? later(date, 1) : nextMonth(date));
    const within = begin >= from && begin < to;
    if (value === null) {
      found.lacks += within;
      return;
    }
    if (found.times.length && found.times.at(-1) < begin - 1) {
      found.times.push(found.times.at(-1) + 0.5);
      found.values.push(null);
      found.each.push(null);
    }
    found.times.push(begin, end - 1);
    found.values.push(value, value);
    if (sensors) found.each.push(value / sensors, value / sensors);
    if (within) inside.push(value);
    if (within && sensors) found.mean = (found.mean ?? 0) + value / sensors;
  });
  if (inside.length) [found.total, found.least, found.most] = [inside.reduce((a, b) => a + b, 0), Math.min(...inside), Math.max(...inside)];
  return found;
}

const nextMonth = (date) => later(date.slice(0, 8) + "01", 32).slice(0, 8) + "01";

// The days of a span, whole months where these are asked for, the last so many.
function days([from, to], what, zone, most) {
  let [first, last] = [zone.date(Math.max(0, from)), zone.date(to)];
  if (what === "month") [first, last] = [first.slice(0, 8) + "01", later(nextMonth(last), -1)];
  const least = later(last, 1 - most);
  if (first < least) first = what === "month" ? nextMonth(later(least, -1)) : least;
  return [first, last];
}
