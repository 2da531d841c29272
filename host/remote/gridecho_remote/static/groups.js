"use strict";
// A group's page is drawn by the server; every few seconds its newest form takes the place of what is shown. Here is only the
// drawing: for each relay its bars, the fitted curve and the area under it, all on one scale.
(() => {
  const POLL_MS = 3000;
  const MOST_CHARTS = 48;
  const $ = (id) => document.getElementById(id);

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const dark = document.documentElement.dataset.bsTheme === "dark";
    return {
      text: of("--bs-secondary-color"), accent: of("--accent"),
      bar: dark ? "rgba(160,170,180,.38)" : "rgba(90,100,110,.30)",
      area: dark ? "rgba(79,195,189,.20)" : "rgba(13,110,110,.16)",
      grid: dark ? "rgba(255,255,255,.10)" : "rgba(0,0,0,.08)",
    };
  }

  function draw() {
    const charts = $("charts");
    const h = JSON.parse(charts.dataset.histograms);
    const relays = h && h.periods ? h.relays.slice(0, MOST_CHARTS) : [];
    const wanted = relays.map((r) => "chart-" + r.relay);
    for (const child of [...charts.children]) if (!wanted.includes(child.id)) { Plotly.purge(child.lastChild); child.remove(); }
    if (!relays.length) return;
    if (h.relays.length > MOST_CHARTS) $("charts-note").textContent = "The first " + MOST_CHARTS + " of " + h.relays.length + " relays are drawn.";
    const span = h.periods * h.period_s;
    const [size, unit] = span >= 3 * 86400 ? [86400, "d"] : span >= 3 * 3600 ? [3600, "h"] : span >= 180 ? [60, "min"] : [1, "s"];
    const start = h.first * h.period_s;
    const along = (seconds) => (start + seconds) / size;
    const top = Math.max(1, ...relays.map((r) => Math.max(...r.bars, ...r.curve))) * 1.06;
    const c = colours();
    for (const relay of relays) {
      let card = $("chart-" + relay.relay);
      if (!card) {
        card = document.createElement("figure");
        card.id = "chart-" + relay.relay;
        card.append(document.createElement("figcaption"), document.createElement("div"));
        charts.append(card);
      }
      const [caption, plot] = card.children;
      const name = document.createElement("strong");
      name.textContent = relay.name;
      const score = document.createElement("span");
      score.textContent = relay.score.toLocaleString(undefined, { maximumFractionDigits: 0 });
      score.title = "load score";
      caption.replaceChildren(name, ...(String(relay.relay) === charts.dataset.proxy ? [badge()] : []), score);
      const edges = relay.bars.map((_, i) => [i * h.step, Math.min((i + 1) * h.step, h.periods)]);
      const bars = {
        type: "bar", y: relay.bars, marker: { color: c.bar, line: { width: 0 } },
        x: edges.map(([from, to]) => along((from + to) / 2 * h.period_s)),
        width: edges.map(([from, to]) => (to - from) * h.period_s / size * 0.92),
        hovertemplate: "%{y:,.4~g} readings a period<extra></extra>",
      };
      const curve = {
        type: "scatter", mode: "lines", x: h.places.map(along), y: relay.curve, fill: "tozeroy", fillcolor: c.area,
        line: { color: c.accent, width: 2 }, hoverinfo: "skip",
      };
      const axis = { gridcolor: c.grid, zeroline: false, fixedrange: true, tickfont: { size: 11 }, nticks: 5, ticks: "outside", ticklen: 5, tickcolor: "rgba(0,0,0,0)" };
      const layout = {
        autosize: true, margin: { l: 44, r: 10, t: 6, b: 34 }, showlegend: false, bargap: 0,
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: c.text, size: 11 },
        xaxis: { ...axis, showgrid: false, range: [along(0), along(span)], ticksuffix: " " + unit },
        yaxis: { ...axis, range: [0, top], tickformat: top < 5 ? "" : ",.3~s" },
      };
      Plotly.react(plot, [bars, curve], layout, { responsive: true, displayModeBar: false, showTips: false });
    }
  }

  function badge() {
    const mark = document.createElement("span");
    mark.className = "badge proxy";
    mark.textContent = "proxy";
    return mark;
  }

  async function renew() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "Gridecho-Poll": "1" } });
    if (answer.status === 401 || answer.status === 404) { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["present", "members", "history", "charts-note"]) {
      const [fresh, shown] = [page.getElementById(id), $(id)];
      if (fresh && !shown.contains(document.activeElement)) shown.replaceWith(document.adoptNode(fresh));
    }
    const fresh = page.getElementById("charts").dataset;
    if (fresh.histograms !== $("charts").dataset.histograms || fresh.proxy !== $("charts").dataset.proxy) {
      Object.assign($("charts").dataset, fresh);
      draw();
    }
  }

  async function turn() {
    try {
      if (!document.hidden) await renew();
    } catch {
      // No connection now; the next turn tries again.
    }
    setTimeout(turn, POLL_MS);
  }

  document.addEventListener("theme", draw);
  draw();
  setTimeout(turn, POLL_MS);
})();
