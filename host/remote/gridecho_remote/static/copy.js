// Where the browser lets a page write to the clipboard, a button does; everywhere a tap selects all of the token.
import { handedOver } from "./words.js";

const WORDS = { copied: "Copied", ...handedOver };
const token = document.getElementById("token");
const copy = document.getElementById("copy");
token.addEventListener("focus", () => token.select());
if (navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(token.value);
    copy.textContent = WORDS.copied;
  });
}
