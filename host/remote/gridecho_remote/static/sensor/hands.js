// Moving in the chart by mouse, touch, wheel and keyboard. It only says what span is wanted; the page draws it and asks for it.
const LEAST_PX = 5; // a shorter drag is a click
const PAN = 0.25; // of the span, by an arrow key
const ZOOM = 0.5; // by + and -
const TWICE_MS = 350; // two taps within are one double tap, which not every browser tells of

// `box`: has the focus; `plot`: uPlot's, whose drawing area `plot.over` is touched. `span()`: [from, to] as shown;
// `wish(span, at, rest)`: another is wanted since the time `at` of an event, and the hand is at rest; `back()`: as it was at first.
export function handsOn(box, plot, { span, wish, back }) {
  const over = plot.over;
  const down = new Map(); // pointer: [x where it began, x where it is]
  let begun = null; // the span when the fingers came down
  let selects = false;
  let tapped = 0; // when a finger last only tapped

  const at = (event) => event.clientX - over.getBoundingClientRect().left;
  const share = (x) => Math.max(0, Math.min(1, x / over.clientWidth));

  // The span zoomed by a factor, with what is at this share of the width staying there.
  function zoomed(factor, place, [from, to] = span()) {
    const middle = from + place * (to - from);
    return [middle - (middle - from) * factor, middle + (to - middle) * factor];
  }

  const moved = (seconds, [from, to] = span()) => [from + seconds, to + seconds];

  function hold(event) {
    begun = span();
    for (const one of down.values()) one[0] = one[1];
    selects = event.pointerType !== "touch" && !event.shiftKey && event.button === 0;
    over.classList.toggle("moving", !selects);
  }

  over.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    over.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [at(event), at(event)]);
    hold(event);
  });

  over.addEventListener("pointermove", (event) => {
    const one = down.get(event.pointerId);
    if (!one) return;
    one[1] = at(event);
    const hands = [...down.values()];
    if (selects) {
      const [a, b] = [Math.min(...one), Math.max(...one)].map((x) => share(x) * over.clientWidth);
      plot.setSelect({ left: a, top: 0, width: b - a, height: over.clientHeight }, false);
    } else if (hands.length === 1) {
      if (event.pointerType === "touch" && Math.abs(one[1] - one[0]) < LEAST_PX) return;
      wish(moved((one[0] - one[1]) / over.clientWidth * (begun[1] - begun[0]), begun), event.timeStamp, false);
    } else {
      // What was under each of two fingers stays there.
      const [[a0, a1], [b0, b1]] = hands;
      const factor = Math.abs(a0 - b0) / Math.max(10, Math.abs(a1 - b1));
      const width = (begun[1] - begun[0]) * factor;
      const middle = begun[0] + (a0 + b0) / 2 / over.clientWidth * (begun[1] - begun[0]);
      const from = middle - (a1 + b1) / 2 / over.clientWidth * width;
      wish([from, from + width], event.timeStamp, false);
    }
  });

  function lift(event) {
    const one = down.get(event.pointerId);
    if (!one) return;
    down.delete(event.pointerId);
    if (selects) {
      const [a, b] = [Math.min(...one), Math.max(...one)];
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      const [from, to] = span();
      if (event.type === "pointerup" && b - a >= LEAST_PX) wish([a, b].map((x) => from + share(x) * (to - from)), event.timeStamp, true);
    } else if (Math.abs(one[1] - one[0]) >= LEAST_PX) {
      wish(span(), event.timeStamp, true);
    } else if (event.pointerType === "touch" && event.type === "pointerup" && !down.size) {
      if (event.timeStamp - tapped < TWICE_MS) back();
      tapped = event.timeStamp;
    }
    if (down.size) hold(event);
    else over.classList.remove("moving");
  }
  over.addEventListener("pointerup", lift);
  over.addEventListener("pointercancel", lift);

  over.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
    wish(zoomed(Math.exp(Math.max(-300, Math.min(300, pixels)) / 400), share(at(event))), event.timeStamp, true);
  }, { passive: false });

  over.addEventListener("dblclick", back);

  const KEYS = {
    ArrowLeft: ([from, to]) => moved(-PAN * (to - from)),
    ArrowRight: ([from, to]) => moved(PAN * (to - from)),
    "+": () => zoomed(ZOOM, 0.5),
    "=": () => zoomed(ZOOM, 0.5),
    "-": () => zoomed(1 / ZOOM, 0.5),
  };
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const home = event.key === "Home" || event.key === "0";
    if (!home && !KEYS[event.key]) return;
    event.preventDefault();
    if (home) back();
    else wish(KEYS[event.key](span()), event.timeStamp, true);
  });
}
