"use strict";
// A sensor's load chart: one quantity over a span that follows the clock or that was zoomed to. The axis is UTC, its labels are
// in the site's zone (zone.js); values stay the integers that were sent until they are drawn.
(() => {
  const POLL_MS = 2000;
  const SELDOM = 5; // turns: what is told as it comes need not be asked for each time
  const LATER_MS = 30000; // after a refusal
  const LATELY_MS = 10000;
  const WAIT = 5; // seconds, for relays
  const POINTS = 1500;
  const $ = (id) => document.getElementById(id);
  const chart = $("chart");
  const setup = JSON.parse(chart.dataset.chart);
  const base = setup.readings.replace(/\/readings$/, "");
  const state = {
    quantity: setup.quantities.find((q) => q.obis === $("quantity").value),
    seconds: firstSpan(),
    zoom: null, // [from, to] in Unix seconds, or null: follow
    last: setup.last,
    first: setup.first,
    points: new Map(),
    bucket: 0,
    cut: null,
    asOf: 0,
    breaks: [], // stretches in which readings are missing
    newest: null, // [epoch, seq] of the newest datum
    missing: 0, // datagrams, from the holes in the sensor's numbering
    holes: [], // spans of which readings are on relays still
    asking: false, // relays for them
    turn: 0, // of loads: an answer to an older one is not drawn any more
    source: null, // what tells of readings as they come; without it they are asked for
    told: "", // the quantity that it tells of
    at: "", // from where on it is to tell
    later: 0, // not before then, in ms
    fresh: true, // something came since the tiles were asked for
    latest: null, // the time of the newest reading
    lately: [], // [when in ms, reading] of what came as it was made
  };
  let queue = Promise.resolve(); // what changes the curve happens one after the other

  const inTurn = (work) => (queue = queue.then(() => attempt(work)));
  const byItself = (work) => inTurn(async () => {
    polling = true;
    try {
      await work();
    } finally {
      polling = false;
    }
  });

  const zone = gridecho.zone(setup.zone);
  const AHEAD = 60; // what lies further ahead of now comes from a wrong clock
  const skew = setup.now - Date.now() / 1000; // the remote's clock counts, not the browser's
  const now = () => Date.now() / 1000 + skew;

  function firstSpan() {
    if (setup.first === null) return 300;
    const held = setup.last - setup.first;
    return [300, 3600, 21600].find((seconds) => held <= seconds) || 86400;
  }

  function shownSpan() {
    if (state.zoom) return state.zoom;
    // A sensor that has been silent for long is shown as it was last seen.
    const silent = state.last !== null && now() - state.last > (state.seconds || 86400);
    const to = silent ? state.last + 1 : now();
    const from = state.seconds ? to - state.seconds : state.first === null ? to - 300 : state.first;
    return [from, to];
  }

  // What the page asks for by itself does not make a login last longer.
  let polling = false;

  async function ask(path, parameters, quiet = polling) {
    const headers = quiet ? { "Gridecho-Poll": "1" } : {};
    const answer = await fetch(path + "?" + new URLSearchParams(parameters), { headers });
    if (answer.status === 401 || answer.status === 403 || answer.status === 404) location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
  }

  function take(readings) {
    for (const r of readings) {
      const numbered = r.epoch !== null; // what comes from rollups is not
      if (numbered && (!state.newest || r.epoch > state.newest[0] || (r.epoch === state.newest[0] && r.seq > state.newest[1]))) {
        state.newest = [r.epoch, r.seq];
      }
      const value = r.values[state.quantity.obis];
      if (value !== undefined) state.points.set(numbered ? r.epoch + "." + r.seq + "." + r.item : "at " + r.time + " " + value, [r.time, value]);
      if ((state.last === null || r.time > state.last) && r.time <= now() + AHEAD) state.last = r.time;
      if (state.first === null || r.time < state.first) state.first = r.time;
    }
  }

  // What is here is drawn at once; then relays are asked for what is not.
  async function load() {
    if (!state.quantity) { $("note").textContent = "This sensor has not sent anything yet."; return; }
    const turn = ++state.turn;
    if (!await showSpan(turn, 0)) return;
    await countMissing();
    if (state.holes.length && turn === state.turn) attempt(() => fill(turn, polling));
  }

  // Beside what goes on: readings come meanwhile.
  async function fill(turn, quiet) {
    state.asking = true;
    controls();
    try {
      await showSpan(turn, WAIT, quiet);
    } finally {
      state.asking = false;
    }
    if (turn === state.turn) await countMissing(quiet);
  }

  async function showSpan(turn, wait, quiet) {
    const [from, to] = shownSpan();
    const answer = await ask(setup.readings, {
      quantities: state.quantity.obis, from: Math.max(0, Math.floor(from)), to: until(to), points: POINTS, wait,
    }, quiet);
    if (turn !== state.turn) return false;
    state.points = new Map();
    state.bucket = answer.bucket_s;
    state.cut = answer.cut_before;
    state.asOf = answer.as_of;
    if (!state.source) state.at = answer.as_of;
    state.breaks = answer.breaks;
    state.newest = null;
    state.holes = answer.holes;
    take(answer.readings);
    take(state.lately.map(([, r]) => r)); // what came while this was on its way
    draw();
    return true;
  }

  // When following, a clock that is a little ahead must not hide the newest reading.
  const until = (to) => Math.ceil(state.zoom ? to : Math.max(to, now() + AHEAD));

  async function countMissing(quiet) {
    const turn = state.turn;
    const { gaps } = await ask(base + "/gaps", {}, quiet);
    if (turn !== state.turn) return;
    const [from, to] = shownSpan();
    const here = gaps.filter((gap) => gap.before >= from && (gap.after === null || gap.after <= to));
    state.missing = here.reduce((sum, gap) => sum + gap.last_seq - gap.first_seq + 1, 0);
    controls();
  }

  async function poll() {
    const turn = state.turn;
    const [from, to] = shownSpan();
    const answer = await ask(setup.readings, {
      quantities: state.quantity.obis, from: Math.max(0, Math.floor(from)), to: until(to), stored_since: state.asOf,
      live: state.source ? 0 : 1,
    });
    if (turn !== state.turn) return;
    state.asOf = answer.as_of;
    if (!state.source) state.at = answer.as_of;
    state.holes = answer.holes;
    await came(answer.readings, answer.next);
  }

  async function came(readings, more) {
    // Where the numbering jumps, the remote says what is missing.
    const jumps = readings.some((r) => state.newest && (r.epoch !== state.newest[0] || Math.abs(r.seq - state.newest[1]) > 1));
    take(readings);
    if (jumps || more || state.points.size > 2 * POINTS) { await load(); return; }
    draw();
    // Late readings may have filled a hole.
    if (state.missing) await countMissing();
  }

  // Readings as they come, while somebody looks at what is now. A browser comes again by itself, with where it was.
  function follow() {
    const wanted = !document.hidden && $("live").checked && state.quantity && !state.zoom;
    if (state.source && (!wanted || state.told !== state.quantity.obis)) unfollow();
    if (!wanted || state.source || Date.now() < state.later || !state.at) return;
    const asked = { quantities: state.quantity.obis, after: state.at };
    const source = new EventSource(base + "/live?" + new URLSearchParams(asked));
    const mine = () => state.source === source;
    state.source = source;
    state.told = state.quantity.obis;
    source.onopen = () => { if (mine()) mark(true); };
    source.onmessage = (event) => byItself(async () => {
      if (!mine()) return;
      const { readings } = JSON.parse(event.data);
      state.at = event.lastEventId;
      state.fresh = true;
      state.lately = state.lately.concat(readings.map((r) => [Date.now(), r])).filter(([ms]) => ms > Date.now() - LATELY_MS);
      await came(readings, false);
    });
    source.addEventListener("cut", (event) => byItself(async () => {
      if (!mine()) return;
      state.at = event.lastEventId;
      await load();
    }));
    source.addEventListener("end", (event) => {
      if (!JSON.parse(event.data).again) { source.close(); location.reload(); }
    });
    source.onerror = () => {
      if (!mine()) return;
      mark(false);
      if (source.readyState === EventSource.CLOSED) { unfollow(); state.later = Date.now() + LATER_MS; }
    };
  }

  function unfollow() {
    if (state.source) state.source.close();
    state.source = null;
    mark(false);
  }

  function mark(told) {
    $("told").className = "dot " + (told ? "live" : "quiet");
    $("told").title = told ? "Readings come as they are made." : "Readings are asked for every two seconds.";
  }

  const scale = (value, unit) => (setup.scales[unit] || [[0, 1, unit, 0]]).find((row) => Math.abs(value) >= row[0]);

  function show(value, unit) {
    const [, divisor, name, decimals] = scale(value, unit);
    return ((value / divisor).toFixed(decimals) + " " + name).trim();
  }

  const local = (seconds) => zone.label(seconds);
  const utc = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
  const seconds = (text) => Date.parse(String(text).replace(" ", "T") + "Z") / 1000;

  function traces() {
    const [from] = shownSpan();
    const points = [...state.points.values()].filter((p) => p[0] >= from - 60).sort((a, b) => a[0] - b[0]);
    const line = { x: [], y: [], text: [] };
    const area = { x: [], y: [] }; // the same, but at zero where the line is broken: plotly fills across breaks
    const put = (trace, t, value) => { trace.x.push(utc(t)); trace.y.push(value); };
    const broken = (a, b) => state.breaks.some(([after, before]) => Math.max(a, after) < Math.min(b, before));
    points.forEach(([t, value], i) => {
      const before = i ? points[i - 1][0] : t;
      if (broken(before, t)) {
        put(line, before + 1, null);
        line.text.push("");
        put(area, before, 0);
        put(area, t, 0);
      }
      put(line, t, value);
      line.text.push(local(t));
      put(area, t, value);
    });
    return [line, area];
  }

  function draw() {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const unit = state.quantity.unit;
    const [line, area] = traces();
    const most = line.y.reduce((a, b) => Math.max(a, Math.abs(b || 0)), 0);
    const [, divisor, name, decimals] = scale(most, unit);
    const power = unit === "W" || unit === "mA";
    const ticks = zone.ticks(...shownSpan(), Math.max(2, Math.floor(chart.clientWidth / 110)));
    const accent = colour("--accent");
    const axis = { gridcolor: colour("--bs-border-color"), linecolor: colour("--bs-border-color"), zeroline: false };
    for (const trace of [line, area]) trace.y = trace.y.map((y) => (y === null ? null : y / divisor));
    Object.assign(line, {
      type: "scatter", mode: line.x.length > 60 ? "lines" : "lines+markers", connectgaps: false,
      line: { color: accent, width: 2 }, marker: { size: 5 },
      hovertemplate: "%{text}<br>%{y:." + decimals + "f} " + name + "<extra></extra>",
    });
    Object.assign(area, {
      type: "scatter", mode: "lines", line: { width: 0 }, fill: "tozeroy", fillcolor: accent + "22", hoverinfo: "skip",
    });
    const layout = {
      margin: { l: 56, r: 16, t: 12, b: 48 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: colour("--bs-body-color"), family: colour("--bs-body-font-family") || "sans-serif" },
      xaxis: {
        ...axis, type: "date", hoverformat: "%H:%M:%S UTC", range: shownSpan().map(utc), tickmode: "array",
        tickvals: ticks.map((tick) => utc(tick.at)), ticktext: ticks.map((tick) => tick.text.replace("\n", "<br>")),
      },
      yaxis: { ...axis, fixedrange: true, automargin: true, exponentformat: "none", rangemode: power ? "tozero" : "normal", title: { text: name, standoff: 8 } },
      dragmode: "zoom", hovermode: "x", showlegend: false,
      shapes: state.holes.map((hole) => ({
        type: "rect", xref: "x", yref: "paper", x0: utc(hole.from), x1: utc(hole.to), y0: 0, y1: 1,
        line: { width: 0 }, fillcolor: colour("--bs-warning") + "33", layer: "below",
      })),
    };
    Plotly.react(chart, power ? [line, area] : [line], layout, { responsive: true, displayModeBar: false, doubleClick: false, showTips: false });
    controls();
  }

  function controls() {
    const [from, to] = shownSpan();
    for (const button of $("spans").children) {
      button.classList.toggle("active", !state.zoom && Number(button.dataset.seconds) === state.seconds);
    }
    for (const file of ["csv", "green"]) {
      if ($(file)) $(file).href = setup[file] + "?" + new URLSearchParams({ from: Math.max(0, Math.floor(from)), to: Math.ceil(to) });
    }
    const notes = [];
    if (!state.points.size) notes.push("No readings in this span.");
    if (state.bucket) notes.push("Thinned: the least and the greatest reading of every " + state.bucket + " s. Zoom in for all.");
    if (state.missing) notes.push("Missing here: " + state.missing + (state.missing === 1 ? " datagram" : " datagrams") + ", lost or on a relay still.");
    if (state.asking) notes.push("Asking relays for what is shaded.");
    else if (state.holes.length) notes.push("Shaded: on a relay still (" + [...new Set(state.holes.map((hole) => hole.says.replace(/\.$/, "")))].join("; ") + ").");
    if (state.cut) notes.push("Too much for one chart: what is before " + local(state.cut) + " is left out. Choose a shorter span.");
    notes.push("Times are those of " + zone.name + ".");
    notes.push(state.zoom ? "Double-click to go back." : "Drag across the chart to zoom.");
    $("note").textContent = notes.join(" ");
  }

  async function tiles() {
    const s = await ask(base, {});
    if (s.power_w !== null) $("power").textContent = show(Math.abs(s.power_w), "W") + (s.power_w < 0 ? " fed in" : "");
    $("ahead").hidden = s.ahead_until === null;
    if (s.ahead_until !== null) $("ahead").title = "Up to " + local(s.ahead_until);
    state.latest = s.latest && s.latest.time;
    seen();
    if (s.route) {
      $("relay").textContent = s.route.relay_name || "relay " + s.route.relay;
      $("rtt").textContent = show(s.route.rtt_us, "us");
    }
    return s.quantities;
  }

  function seen() {
    if (!state.latest) return;
    const age = Math.max(0, now() - state.latest);
    const [size, name] = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]].find((row) => age >= row[0]) || [1, "s"];
    $("seen").textContent = Math.floor(age / size) + " " + name + " ago";
    $("seen").title = local(state.latest);
    $("state").className = "dot " + (age < 120 ? "live" : "quiet");
  }

  async function attempt(work) {
    try {
      await work();
    } catch {
      $("note").textContent = "The remote does not answer; trying again.";
    }
  }

  const loadAnew = () => inTurn(load).then(follow);

  $("quantity").addEventListener("change", () => {
    state.quantity = setup.quantities.find((q) => q.obis === $("quantity").value);
    state.lately = [];
    unfollow();
    loadAnew();
  });
  $("spans").addEventListener("click", (event) => {
    if (!event.target.dataset.seconds) return;
    state.seconds = Number(event.target.dataset.seconds);
    state.zoom = null;
    loadAnew();
  });
  $("live").addEventListener("change", follow);
  document.addEventListener("visibilitychange", follow);
  document.addEventListener("theme", () => { if (state.quantity) draw(); });

  async function renew(seldom) {
    if (!state.source || state.fresh || seldom) {
      state.fresh = false;
      const quantities = await tiles();
      // A sensor's first readings: the page knows its quantities only from now on. Until then all may wait on a relay.
      if (!state.quantity && quantities.length) location.reload();
      else if (!state.quantity) await ask(setup.readings, { limit: 1, wait: 0, live: 1 });
    } else {
      seen();
    }
    const holes = state.holes.length || state.missing;
    if (state.quantity && !state.zoom) {
      if (!state.source || (seldom && holes)) await poll();
      else draw();
    } else if (state.holes.length) {
      await load();
    }
  }

  let turns = 0;
  async function turn() {
    turns += 1;
    if (!document.hidden && $("live").checked) {
      await byItself(() => renew(turns % SELDOM === 0));
      follow();
    }
    setTimeout(turn, POLL_MS);
  }

  loadAnew().then(() => {
    if (state.quantity) {
      chart.on("plotly_relayout", (change) => {
        const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
        if (range[0] === undefined) return;
        state.zoom = range.map(seconds);
        loadAnew();
      });
      chart.on("plotly_doubleclick", () => { state.zoom = null; loadAnew(); });
    }
    setTimeout(turn, POLL_MS);
  });
})();
