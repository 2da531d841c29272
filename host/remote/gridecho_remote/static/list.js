"use strict";
const part = document.currentScript.dataset.part;
// The list is drawn by the server; every few seconds its newest form takes the place of what is shown.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html", "Gridecho-Poll": "1" } });
    if (answer.status === 401) { location.reload(); return; }
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(part);
    const shown = document.getElementById(part);
    if (fresh && !shown.contains(document.activeElement)) shown.replaceWith(fresh);
  } catch {
    // No connection now; the next turn tries again.
  }
}, 3000);
