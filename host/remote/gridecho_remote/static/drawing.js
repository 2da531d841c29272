// What scripts that draw have in common: elements of a page and of SVG, and the round numbers of an axis.

// made("td", { class: "number" }, "5")
export function made(name, attributes, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Round numbers from 0 up to `to`, about `many` of them.
export function roundNumbers(from, to, many) {
  const rough = (to - from) / many;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((one) => one * size >= rough) * size;
  const found = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to * (1 + 1e-9); n += 1) found.push(Number((n * step).toPrecision(12)));
  return found;
}
