// Times of a time zone: labels with the offset from UTC, its days, and ticks of a time axis that is UTC underneath. `tongue`: the tag of
// the language that months are named in.
export function zoneOf(name, tongue = document.documentElement.lang) {
  const STEPS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400];
  const DAY = 86400;
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: name, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
  });
  const month = new Intl.DateTimeFormat(british(tongue), { timeZone: name, day: "numeric", month: "short" });
  const two = (n) => String(n).padStart(2, "0");

  function parts(at) {
    const found = {};
    for (const part of format.formatToParts(at * 1000)) found[part.type] = part.value;
    return found;
  }

  // Seconds that the zone is ahead of UTC then.
  function offset(at) {
    const p = parts(at);
    return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) / 1000 - Math.floor(at);
  }

  function signed(seconds) {
    const minutes = Math.abs(seconds) / 60;
    return (seconds < 0 ? "-" : "+") + two(Math.floor(minutes / 60)) + ":" + two(minutes % 60);
  }

  // "2026-10-25 02:30:00 +01:00"
  function label(at) {
    const p = parts(at);
    return p.year + "-" + p.month + "-" + p.day + " " + p.hour + ":" + p.minute + ":" + p.second + " " + signed(offset(at));
  }

  // "2026-10-25"
  function date(at) {
    const p = parts(at);
    return p.year + "-" + p.month + "-" + p.day;
  }

  // When a day begins. Of a midnight that comes twice the first, of one that does not come the time at which it is skipped.
  function midnight(day) {
    const utc = Date.parse(day) / 1000;
    const [before, after] = [offset(utc - DAY), offset(utc + DAY)];
    return utc - (offset(utc - before) !== before && offset(utc - after) === after ? after : before);
  }

  // When its hours begin: as the remote counts them, from midnight on.
  function hours(day) {
    const [begin, end] = [midnight(day), midnight(later(day, 1))];
    return Array.from({ length: Math.ceil((end - begin) / 3600) }, (_, n) => begin + 3600 * n);
  }

  // At most about `most` times from one to the other that are round in the zone: { at, text }.
  function ticks(from, to, most) {
    const step = STEPS.find((one) => (to - from) / one <= most) || Math.ceil((to - from) / most / (7 * DAY)) * 7 * DAY;
    const changes = offset(from) !== offset(to);
    const found = [];
    const past = (at) => (((at + offset(at)) % step) + step) % step; // since the last round time
    let before = from - 1;
    let at = Math.ceil(from);
    while (at <= to && found.length < 4 * most) {
      if (past(at)) {
        // The first time, or a clock change on the way: back to the round time if that is new, else on to the next one.
        const back = at - past(at);
        if (back > before && !past(back)) at = back;
        else {
          const then = offset(at);
          at += step - past(at);
          at += then - offset(at);
        }
      }
      before = at;
      if (at > to) break;
      const p = parts(at);
      const time = p.hour + ":" + p.minute + (step < 60 ? ":" + p.second : "");
      const dated = step >= DAY || found.length === 0 || (at + offset(at)) % DAY === 0;
      const text = step >= DAY ? month.format(at * 1000) : time + (changes ? " " + signed(offset(at)) : "") + (dated ? "\n" + month.format(at * 1000) : "");
      if (at >= from) found.push({ at, text });
      at += step;
    }
    return found;
  }

  return { name, tongue, offset, signed, label, date, midnight, hours, ticks, hour: (at) => Number(parts(at).hour) };
}

// The day so many days after another one.
export const later = (day, days) => new Date(Date.parse(day) + days * 86400000).toISOString().slice(0, 10);

// How days, as "2026-10-25", and spans of them are named: dayNames("en", { weekday: "long" })(day).
export function dayNames(tongue, options) {
  const format = new Intl.DateTimeFormat(british(tongue), { timeZone: "UTC", ...options });
  return (day, last = day) => format.formatRange(Date.parse(day), Date.parse(last));
}

function british(tongue) {
  return tongue === "en" ? "en-GB" : tongue; // a day stands before its month
}
