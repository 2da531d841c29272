// Readings as they come, while somebody looks at what is now. A browser comes again by itself, with where it was.
const LATER_MS = 30000; // after a refusal

// `base`: the sensor's address in the API; `take(readings)` and `anew()`: what is done with what comes; `mark(told)`.
export function liveFrom(base, { take, anew, mark }) {
  let source = null;
  let told = ""; // the quantity that it tells of
  let later = 0; // not before then, in ms
  const live = {
    at: "", // from where on it is to tell
    get on() { return source !== null; },

    follow(wanted, obis) {
      if (source && (!wanted || told !== obis)) live.end();
      if (!wanted || source || Date.now() < later || !live.at) return;
      const mine = new EventSource(base + "/live?" + new URLSearchParams({ quantities: obis, after: live.at }));
      const still = () => source === mine;
      source = mine;
      told = obis;
      mine.onopen = () => { if (still()) mark(true); };
      mine.onmessage = (event) => take(JSON.parse(event.data).readings, () => {
        if (still()) live.at = event.lastEventId;
        return still();
      });
      mine.addEventListener("cut", (event) => anew(() => {
        if (still()) live.at = event.lastEventId;
        return still();
      }));
      mine.addEventListener("end", (event) => {
        if (!JSON.parse(event.data).again) { mine.close(); location.reload(); }
      });
      mine.onerror = () => {
        if (!still()) return;
        mark(false);
        if (mine.readyState === EventSource.CLOSED) { live.end(); later = Date.now() + LATER_MS; }
      };
    },

    end() {
      if (source) source.close();
      source = null;
      mark(false);
    },
  };
  return live;
}
