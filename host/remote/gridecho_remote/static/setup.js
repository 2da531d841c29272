// What the page offers beyond its forms: the browser's time zone, a file in place of its text, and commands to be copied.
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
