// What is said beside the chart: the notes and the legend under it, and the curve in words for who does not see it.
import { handedOver, say } from "../words.js";

const WORDS = {
  nothingYet: "There is nothing to show yet: this sensor has sent nothing, or nothing that is shared with you.",
  none: "No readings in this span.",
  thinned: "Thinned: the least and the greatest reading of every {seconds} s. Zoom in for all.",
  meansHours: "Each point is the mean of {hours} h: single readings are not shared with you.",
  meansDays: "Each point is the mean of {days} d: single readings are not shared with you.",
  missingOne: "Missing here: 1 datagram, lost or on a relay still.",
  missingMany: "Missing here: {count} datagrams, lost or on a relay still.",
  asking: "Asking relays for what is shaded.",
  onRelay: "Shaded: on a relay still ({reasons}).",
  cut: "Too much for one chart: what is before {time} is left out. Choose a shorter span.",
  zone: "Times are those of {zone}.",
  zoomedIn: "Double-click to go back.",
  following: "Drag across the chart to zoom.",
  curve: "{quantity} from {from} to {to}: {count} readings, the least {least} at {leastTime}, the greatest {greatest} at {greatestTime}.",
  curveNone: "{quantity} from {from} to {to}: no readings.",
  stretchOne: "Readings are missing in 1 stretch.",
  stretchMany: "Readings are missing in {count} stretches.",
  ...handedOver,
};
const $ = (id) => document.getElementById(id);

// Only what is new: a screen reader reads what is set, also if it is the same.
export function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export const nothingYet = () => put("note", WORDS.nothingYet);

// `s`: { visible, bucket, finest, missing, asking, holes, cut, zoomed, spans }
export function note(s, zone) {
  const notes = [];
  if (!s.visible) notes.push(WORDS.none);
  const fields = { seconds: s.bucket, hours: s.bucket / 3600, days: Math.round(s.bucket / 86400) };
  if (s.bucket) notes.push(say(!s.finest ? WORDS.thinned : s.bucket < 86400 ? WORDS.meansHours : WORDS.meansDays, fields));
  if (s.missing) notes.push(say(s.missing === 1 ? WORDS.missingOne : WORDS.missingMany, { count: s.missing }));
  const reasons = [...new Set(s.holes.map((hole) => hole.says.replace(/\.$/, "")))].join("; ");
  if (s.asking) notes.push(WORDS.asking);
  else if (s.holes.length) notes.push(say(WORDS.onRelay, { reasons }));
  if (s.cut) notes.push(say(WORDS.cut, { time: zone.label(s.cut) }));
  notes.push(say(WORDS.zone, { zone: zone.name }));
  notes.push(s.zoomed ? WORDS.zoomedIn : WORDS.following);
  put("note", notes.join(" "));
  for (const kind of ["gap", "hole"]) $("legend-" + kind).hidden = !s.spans.some((one) => one.kind === kind);
}

// The curve in words: when another span or quantity is shown, not at each reading.
export function summary(quantity, [from, to], columns, spans, units, zone) {
  const [times, values] = columns;
  let [count, least, greatest] = [0, -1, -1];
  values.forEach((value, i) => {
    if (value === null || times[i] < from || times[i] > to) return;
    count += 1;
    if (least < 0 || value < values[least]) least = i;
    if (greatest < 0 || value > values[greatest]) greatest = i;
  });
  const fields = { quantity: quantity.label, from: zone.label(from), to: zone.label(to), count };
  const said = !count ? say(WORDS.curveNone, fields) : say(WORDS.curve, {
    ...fields, least: units.show(values[least], quantity.unit), leastTime: zone.label(times[least]),
    greatest: units.show(values[greatest], quantity.unit), greatestTime: zone.label(times[greatest]),
  });
  const stretches = spans.filter((one) => one.kind === "gap").length;
  const more = stretches ? " " + say(stretches === 1 ? WORDS.stretchOne : WORDS.stretchMany, { count: stretches }) : "";
  put("summary", said + more);
}
