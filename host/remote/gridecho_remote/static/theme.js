"use strict";
// Light or dark as the browser prefers; runs before the page is drawn, so that nothing flashes.
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => { document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light"; };
  dark.addEventListener("change", () => { apply(); document.dispatchEvent(new Event("theme")); });
  apply();
})();
