// What stands below the curve: each part is made when somebody comes near it, so that the curve waits for none of them.
import { handedOver } from "../words.js";

const WORDS = {
  notMade: "This part did not come. Load the page anew.",
  ...handedOver,
};
const NEAR = "200px";
const PARTS = {
  heat: () => import("./heat.js"),
  energy: () => import("./energy.js"),
  routes: () => import("./routes.js"),
  call: () => import("./call.js"),
};

// `page`: { setup, base, zone, units, now(), chart, shown(), show(span) }, see page.js. A part has `begin(box, page)`.
export function rest(page) {
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      make(target, page);
    }
  }, { rootMargin: NEAR });
  for (const box of document.querySelectorAll("[data-part]")) near.observe(box);
}

async function make(box, page) {
  try {
    const { begin } = await PARTS[box.dataset.part]();
    await begin(box, page);
  } catch {
    // What is asked for may not come, and after an update the scripts of this page are gone.
    box.querySelector(".told").textContent = WORDS.notMade;
  }
  box.removeAttribute("aria-busy");
}
