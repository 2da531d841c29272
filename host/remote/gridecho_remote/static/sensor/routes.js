// Which relay was the sensor's target when: a lane for each relay over time, and a table of the routes that the sensor told of.
import { made, svg } from "../drawing.js";
import { handedOver, say } from "../words.js";
import { get } from "./asking.js";

const WORDS = {
  routesNone: "The sensor has not told of a route yet.",
  routeRelay: "relay {number}",
  routeSwitched: "switched from another relay",
  routeAnew: "started anew",
  routeFirst: "the first one known",
  routeUntimed: "before it knew the time",
  routeNow: "now",
  routeMost: "The newest {count} are told.",
  routeLane: "{relay} from {from} to {to}",
  ...handedOver,
};
const MOST = 200; // in one answer
const AT_FIRST = 10; // rows
const [LANE, LEAST] = [26, 2]; // px

export async function begin(box, page) {
  const { base, zone, units } = page;
  const [told, strip, body, all] = [".told", ".lanes", "tbody", ".all"].map((css) => box.querySelector(css));
  const { routes } = await get(base + "/routes", { limit: MOST });
  const name = (one) => one.relay_name ?? say(WORDS.routeRelay, { number: one.relay });
  // The newest comes first: each was in force until the one before it.
  const spans = routes.map((one, i) => ({ ...one, name: name(one), to: i ? routes[i - 1].time : null }));
  const why = (one, i) => (one.switched ? WORDS.routeSwitched : i === spans.length - 1 ? WORDS.routeFirst : WORDS.routeAnew);
  const when = (at) => (at === null ? WORDS.routeUntimed : made("time", { title: zone.label(at) }, zone.label(at).slice(0, 16)));

  function rows(count) {
    body.replaceChildren(...spans.slice(0, count).map((one, i) => made("tr", one.switched ? { class: "switched" } : {},
      made("td", { class: "text-nowrap" }, when(one.time)), made("td", { class: "wide text-nowrap" }, i ? when(one.to) : WORDS.routeNow),
      made("td", {}, one.name), made("td", { class: "text-end" }, units.show(one.rtt_us, "us")), made("td", {}, why(one, i)))));
    all.hidden = count >= spans.length;
  }

  function draw() {
    const timed = spans.filter((one) => one.time !== null);
    const relays = [...new Map(timed.map((one) => [one.relay, one.name])).entries()];
    const width = strip.clientWidth;
    if (!timed.length || !width) { strip.hidden = true; return; }
    const [from, to] = [timed.at(-1).time, page.now()];
    const x = (at) => Math.round((at - from) / Math.max(1, to - from) * (width - LEAST));
    const plot = svg("svg", { viewBox: `0 0 ${width} ${LANE * relays.length + 18}`, "aria-hidden": "true" });
    relays.forEach(([relay, words], lane) => {
      plot.append(svg("text", { x: 0, y: LANE * lane + 10 }, words));
      plot.append(svg("line", { class: "grid", x1: 0, x2: width, y1: LANE * lane + 19, y2: LANE * lane + 19 }));
      for (const one of timed.filter((each) => each.relay === relay)) {
        const end = one.to ?? to;
        const title = svg("title", {}, say(WORDS.routeLane, { relay: one.name, from: zone.label(one.time), to: zone.label(end) }));
        plot.append(svg("rect", { class: "lane", x: x(one.time), width: Math.max(LEAST, x(end) - x(one.time)), y: LANE * lane + 14, height: 9 }, title));
      }
    });
    const bottom = LANE * relays.length + 14;
    plot.append(svg("text", { x: 0, y: bottom }, zone.label(from).slice(0, 16)), svg("text", { x: width, y: bottom, "text-anchor": "end" }, zone.label(to).slice(0, 16)));
    strip.replaceChildren(plot);
  }

  told.textContent = !spans.length ? WORDS.routesNone : spans.length === MOST ? say(WORDS.routeMost, { count: MOST }) : "";
  box.querySelector("table").hidden = !spans.length;
  all.addEventListener("click", () => rows(spans.length));
  rows(AT_FIRST);
  draw();
  new ResizeObserver(draw).observe(strip);
}
