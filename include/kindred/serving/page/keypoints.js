// Lines between the places of two pictures that agree, over both.
const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 3; // px
let watching; // a ResizeObserver: the pictures' sizes change with the window, and when larger views of them come

// `frames`: the boxes of both pictures inside `pair`; `places`: [[x, y], ...] of each, over the picture's longer side.
export function draw(pair, frames, places) {
  clear(pair);
  const overlay = pair.appendChild(element("svg", { class: "overlay lines", "aria-hidden": "true" }));
  const pictures = frames.map((frame) => frame.querySelector("img"));
  watching = new ResizeObserver(() => fill(overlay, pictures, places));
  for (const one of [pair, ...pictures]) watching.observe(one);
}

export function clear(pair) {
  watching?.disconnect();
  pair.querySelector("svg.lines")?.remove();
}

function fill(overlay, pictures, places) {
  const origin = overlay.getBoundingClientRect();
  const ends = pictures.map((picture, side) => {
    const box = picture.getBoundingClientRect();
    const longer = Math.max(box.width, box.height);
    return places[side].map(([x, y]) => [box.left - origin.left + x * longer, box.top - origin.top + y * longer]);
  });
  const lines = ends[0].map(([x1, y1], row) => element("line", { x1, y1, x2: ends[1][row][0], y2: ends[1][row][1] }));
  const dots = ends.flat().map(([cx, cy]) => element("circle", { cx, cy, r: RADIUS }));
  overlay.replaceChildren(...lines, ...dots);
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
