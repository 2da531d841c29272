"use strict";
// Where the browser can pack a file, one is chosen in place of typing its text; it travels within the same form.
const file = document.getElementById("file");
const packed = document.getElementById("packed");
const preview = document.getElementById("preview-it");
if (window.CompressionStream) {
  document.getElementById("choose").hidden = false;
  document.getElementById("typed").hidden = true;
  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    packed.value = "";
    if (!chosen) return;
    preview.disabled = true;
    const stream = chosen.stream().pipeThrough(new CompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    packed.value = btoa(text);
    document.getElementById("name").value = chosen.name;
    preview.disabled = false;
  });
}
