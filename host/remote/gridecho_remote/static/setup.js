// What the page offers beyond its forms: the browser's time zone, a file in place of its text, commands to be copied, news.
import { handedOver } from "./words.js";

const WORDS = { copied: "Copied", ...handedOver };
const zone = document.getElementById("zone");
if (zone && zone.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

const text = document.getElementById("text");
document.getElementById("choose").hidden = false;
document.getElementById("file").addEventListener("change", async (event) => {
  const [chosen] = event.target.files;
  if (chosen) text.value = await chosen.text();
});

for (const button of document.querySelectorAll(".copies")) {
  const command = document.getElementById(button.dataset.of);
  command.addEventListener("focus", () => command.select());
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(command.value);
    button.textContent = WORDS.copied;
  });
}

// The first reading, a relay that has come: looked for without touching what is being typed.
const renewed = ["reading"];
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/setup", { headers: { Accept: "text/html", "Gridecho-Poll": "1" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of renewed) document.getElementById(id).replaceWith(page.getElementById(id));
    for (const id of ["relay", "sensors"]) {
      const heading = (from) => from.getElementById(id).querySelector("h2");
      heading(document).replaceWith(heading(page));
    }
  } catch {
    // No connection now; the next turn tries again.
  }
}, 3000);
