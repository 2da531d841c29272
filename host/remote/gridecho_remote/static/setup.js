// What the page offers beyond its forms: the browser's time zone, and a file in place of its text.
const zone = document.getElementById("zone");
if (zone && zone.value === "UTC") zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;

const text = document.getElementById("text");
document.getElementById("choose").hidden = false;
document.getElementById("file").addEventListener("change", async (event) => {
  const [chosen] = event.target.files;
  if (chosen) text.value = await chosen.text();
});
