// Weeks, months and years with their days or months, and what two of them that follow each other can honestly be compared by.
// Days are as "2026-10-25"; energy is in Wh, null where there are no readings.
import { later } from "./zone.js";

const SLACK_S = 3600; // a day whose readings begin or end so near its own ends is whole

// The period of this kind that is `back` before the one with today: { begin, end (its last day), slots: [{ day: the first one }] }.
export function partsOf(kind, today, back) {
  if (kind === "week") {
    const monday = later(today, -((new Date(today).getUTCDay() + 6) % 7) - 7 * back);
    return { begin: monday, end: later(monday, 6), slots: Array.from({ length: 7 }, (_, n) => ({ day: later(monday, n) })) };
  }
  const [year, month] = today.split("-").map(Number);
  if (kind === "month") {
    const begin = dayOf(year, month - 1 - back);
    const end = later(dayOf(year, month - back), -1);
    return { begin, end, slots: Array.from({ length: Number(end.slice(8)) }, (_, n) => ({ day: later(begin, n) })) };
  }
  return { begin: dayOf(year - back, 0), end: dayOf(year - back, 11, 31), slots: Array.from({ length: 12 }, (_, n) => ({ day: dayOf(year - back, n) })) };
}

// Fills the slots of both (`wh`; `going`: not over; `ahead`: not begun) and gives by how much of them they can be compared: { slots,
// now, before: sums of the first so many slots, which are over in both; lacks: "now" or "before" where one is not known from end to end }.
// What a register rose by while readings were missing counts to the day before them: within a period nothing is lost by that, at its
// begin or end something is, or is too much.
// `months`: energy by month, for slots of which no day is open.
export function compared(now, before, energy, unit, { today, first, last, midnight, byHour }, months = []) {
  const whole = new Map(months.map((one) => [one.date, one.value]));
  const values = new Map(energy.map((one) => [one.date, one.value]));
  for (const period of [now, before]) {
    period.slots.forEach((slot, i) => {
      const next = period.slots[i + 1]?.day ?? later(period.end, 1);
      const days = unit === "month" ? [slot.day] : daysIn(slot.day, next);
      const known = days.filter((day) => values.has(day));
      const asMonth = !known.length && whole.has(slot.day);
      slot.wh = known.length ? known.reduce((sum, day) => sum + values.get(day), 0) : whole.get(slot.day) ?? null;
      slot.ahead = slot.day > today;
      slot.going = !slot.ahead && next > today;
      const [opens, closes] = [days[0], days.at(-1)];
      slot.begins = asMonth || (values.has(opens) && first !== null && first <= midnight(opens) + SLACK_S);
      // Who sees days or months is told of the last one when it began, and that it is over.
      slot.ends = asMonth || (values.has(closes) && (!byHour || (last !== null && last >= midnight(next) - SLACK_S)));
    });
    const known = period.slots.filter((slot) => slot.wh !== null);
    period.wh = known.length ? known.reduce((sum, slot) => sum + slot.wh, 0) : null;
    period.going = period.end >= today;
  }
  const over = now.going ? now.slots.filter((slot) => !slot.going && !slot.ahead).length : now.slots.length;
  const slots = now.going ? Math.min(over, before.slots.length) : over;
  const of = (period, count) => {
    const some = period.slots.slice(0, count);
    const whole = some.length > 0 && some[0].begins && some.at(-1).ends;
    return { whole, wh: some.reduce((sum, slot) => sum + (slot.wh ?? 0), 0) };
  };
  const [a, b] = [of(now, slots), of(before, now.going ? slots : before.slots.length)];
  return { slots, now: a.wh, before: b.wh, lacks: !slots || (a.whole && b.whole) ? null : a.whole ? "before" : "now" };
}

function daysIn(from, to) {
  const found = [];
  for (let day = from; day < to; day = later(day, 1)) found.push(day);
  return found;
}

const dayOf = (year, month, day = 1) => new Date(Date.UTC(year, month, day)).toISOString().slice(0, 10);
