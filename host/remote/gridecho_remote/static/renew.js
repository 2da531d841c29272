// A page is drawn by the server; every few seconds the newest form of each of its parts with `data-renew` takes the place of what is
// shown: of the address in `data-renew`, else of the page's own. Whoever draws something beside that hears "renewed" at the document,
// with the newest page.
const EVERY_MS = 3000;

async function renew() {
  const from = document.querySelector("[data-renew]")?.dataset.renew || location.href;
  const answer = await fetch(from, { headers: { Accept: "text/html", "Gridecho-Poll": "1" } });
  if (answer.status === 401 || answer.status === 404) { location.reload(); return; }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const shown of document.querySelectorAll("[data-renew]")) {
    const fresh = page.getElementById(shown.id);
    if (fresh && !shown.contains(document.activeElement)) shown.replaceWith(document.adoptNode(fresh));
  }
  document.dispatchEvent(new CustomEvent("renewed", { detail: page }));
}

async function turn() {
  try {
    if (!document.hidden) await renew();
  } catch {
    // No connection now; the next turn tries again.
  }
  setTimeout(turn, EVERY_MS);
}

setTimeout(turn, EVERY_MS);
