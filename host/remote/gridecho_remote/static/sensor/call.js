// What a program asks the API for to have just what the chart shows, as a command and as a script; it follows the chart.
import { handedOver } from "../words.js";

const WORDS = {
  callCopied: "Copied",
  callSelected: "Selected: copy it",
  ...handedOver,
};
const TOLD_MS = 2000;

export const curl = (address) => `curl -sf -H "Authorization: Bearer $GRIDECHO_TOKEN" \\
  "${address}"`;

export const python = (address, zone) => `import json
import os
from urllib.request import Request, urlopen

import pandas

address = "${address}"
token = os.environ["GRIDECHO_TOKEN"]
with urlopen(Request(address, headers={"Authorization": f"Bearer {token}"})) as answer:
    readings = json.load(answer)["readings"]
times = pandas.to_datetime([one["time"] for one in readings], unit="s", utc=True)
frame = pandas.DataFrame([one["values"] for one in readings], index=times.tz_convert("${zone}"))
print(frame)`;

export function begin(box, { setup, zone, chart, shown }) {
  const [code, copy] = [box.querySelector("pre code"), box.querySelector(".copy")];
  const label = copy.textContent;
  let kind = "curl";

  function write() {
    const { quantity, ...span } = shown();
    const address = location.origin + setup.readings + "?" + new URLSearchParams({ quantities: quantity, ...span });
    const text = kind === "curl" ? curl(address) : python(address, zone.name);
    if (code.textContent !== text) code.textContent = text;
    for (const link of box.querySelectorAll("[data-file]")) link.href = link.dataset.file + "?" + new URLSearchParams({ from: span.from, to: span.to });
  }

  box.querySelector(".kinds").addEventListener("click", (event) => {
    if (!event.target.dataset.kind) return;
    kind = event.target.dataset.kind;
    for (const button of box.querySelectorAll("[data-kind]")) {
      button.classList.toggle("active", button === event.target);
      button.setAttribute("aria-pressed", button === event.target);
    }
    write();
  });

  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = WORDS.callCopied;
    } catch {
      // A page without TLS may not write to the clipboard.
      getSelection().selectAllChildren(code);
      copy.textContent = WORDS.callSelected;
    }
    setTimeout(() => { copy.textContent = label; }, TOLD_MS);
  });

  chart.addEventListener("shown", write);
  write();
}
