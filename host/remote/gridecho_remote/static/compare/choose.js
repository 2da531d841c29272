// Another sensor or region is found by a part of its name; each that is found is a link to the chart with it.
import { made } from "../drawing.js";
import { get } from "../sensor/asking.js";
import { handedOver, say } from "../words.js";

const WORDS = {
  chooseNothing: "Nothing of this name that you may see.",
  chooseMore: "There is more: write more of the name.",
  chooseRegion: "region {name}",
  chooseAway: "The remote does not answer.",
  ...handedOver,
};
const [MOST, MOST_REGIONS, REST_MS] = [8, 6, 200];

// `box`: a form with a field and a list; `carried()`: has links keep how the chart is shown.
export function chooseIn(box, { api, regions: path, chosen, most, page }, carried) {
  if (!box) return;
  const [field, list, told] = ["input", "ul", ".told"].map((css) => box.querySelector(css));
  let regions = null;
  let stop = new AbortController();
  let resting = 0;

  function link(more, text, place) {
    const query = new URLSearchParams(location.search);
    query.delete("sensors");
    query.delete("regions");
    query.delete("region");
    const all = [...chosen, more];
    const sensors = all.filter((one) => one.sensor !== undefined).map((one) => one.sensor);
    if (sensors.length) query.set("sensors", sensors.join(","));
    for (const one of all.filter((each) => each.region !== undefined)) query.append("region", one.region);
    return made("li", {}, made("a", { href: page + "?" + query, "data-carry": "" }, text, " ", made("small", { class: "text-body-secondary" }, place)));
  }

  async function find() {
    stop.abort();
    const { signal } = (stop = new AbortController());
    const text = field.value.trim();
    list.replaceChildren();
    told.textContent = "";
    if (!text || chosen.length >= most) return;
    try {
      const { sensors } = await get(api, { name: text, limit: MOST + chosen.length + 1 }, {}, signal);
      regions ??= (await get(path, { limit: 1000 }, {}, signal)).regions;
      const there = (key, value) => chosen.some((one) => one[key] === value);
      const found = sensors.filter((one) => !there("sensor", one.id));
      const places = regions.filter((one) => one.region && one.sums && !there("region", one.region) && one.region.toLowerCase().includes(text.toLowerCase()));
      list.replaceChildren(
        ...found.slice(0, MOST).map((one) => link({ sensor: one.id }, one.name, one.region)),
        ...places.slice(0, MOST_REGIONS).map((one) => link({ region: one.region }, say(WORDS.chooseRegion, { name: one.region }), "")));
      told.textContent = !found.length && !places.length ? WORDS.chooseNothing : found.length > MOST || places.length > MOST_REGIONS ? WORDS.chooseMore : "";
      if (chosen.length) carried();
    } catch (error) {
      if (error.name !== "AbortError") told.textContent = WORDS.chooseAway;
    }
  }

  box.addEventListener("submit", (event) => {
    event.preventDefault();
    find();
  });
  field.addEventListener("input", () => {
    clearTimeout(resting);
    resting = setTimeout(find, REST_MS);
  });
}
