// The tiles above the chart: what is newest of the sensor, in words and units for people.
import { handedOver, say } from "../words.js";
import { ask } from "./asking.js";

const WORDS = {
  fedIn: "{power} fed in",
  aheadUntil: "Up to {time}",
  relayNumber: "relay {number}",
  secondsAgo: "{count} s ago",
  minutesAgo: "{count} min ago",
  hoursAgo: "{count} h ago",
  daysAgo: "{count} d ago",
  ...handedOver,
};
const AGES = [[86400, "daysAgo"], [3600, "hoursAgo"], [60, "minutesAgo"], [1, "secondsAgo"]];
const LIVE_S = 120;
const $ = (id) => document.getElementById(id);

// `units`: see units.js; `now()`: the remote's time.
export function tilesOf(base, units, zone, now) {
  let latest = null; // the time of the newest reading

  function seen() {
    if (!latest) return;
    const age = Math.max(0, now() - latest);
    const [size, name] = AGES.find((row) => age >= row[0]) || AGES[AGES.length - 1];
    $("seen").textContent = say(WORDS[name], { count: Math.floor(age / size) });
    $("seen").title = zone.label(latest);
    $("state").className = "dot " + (age < LIVE_S ? "live" : "quiet");
  }

  // Gives the sensor's quantities.
  async function renew() {
    const s = await ask(base, {});
    if (s.power_w !== null) {
      const power = units.show(Math.abs(s.power_w), "W");
      $("power").textContent = s.power_w < 0 ? say(WORDS.fedIn, { power }) : power;
    }
    $("ahead").hidden = s.ahead_until === null;
    if (s.ahead_until !== null) $("ahead").title = say(WORDS.aheadUntil, { time: zone.label(s.ahead_until) });
    latest = s.latest && s.latest.time;
    seen();
    if (s.route) {
      $("relay").textContent = s.route.relay_name || say(WORDS.relayNumber, { number: s.route.relay });
      $("rtt").textContent = units.show(s.route.rtt_us, "us");
    }
    return s.quantities;
  }

  return { renew, seen };
}
