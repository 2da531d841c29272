// Where the browser lets a page write to the clipboard, a button with `data-of` does, with what stands in the field of that id;
// everywhere a tap selects all of the field.
import { handedOver } from "./words.js";

const WORDS = { copied: "Copied", ...handedOver };
for (const copy of document.querySelectorAll("button[data-of]")) {
  const field = document.getElementById(copy.dataset.of);
  field.addEventListener("focus", () => field.select());
  if (!navigator.clipboard) continue;
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(field.value);
    copy.textContent = WORDS.copied;
  });
}
