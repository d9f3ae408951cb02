// One image, large, with all that is known of it; or beside the query, with what makes the two similar.
import { link, source, uploaded } from "./address.js";
import { $, get, make, percent } from "./dom.js";
import { distanceText, givenLabel, prediction, sameThing, splitMeaning, splitName } from "./figures.js";
import * as keypoints from "./keypoints.js";
import { enlarge, fileActions, fileName } from "./files.js";

const SHOWN_CLASSES = 12;
let shown; // {search, images, number, compared}: a search and its answer, the images to go through, and which is shown

export function picture(query, text) {
  const image = make("img", { src: source(query), alt: text, loading: "lazy" });
  image.addEventListener("load", () => image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
  return image;
}

// `search`: {query, answer, about}. `images`: those among which the arrow keys go, the `number`-th of them first.
export function open(search, images, number, compared) {
  shown = { search, images, number, compared };
  draw();
  $("detail").showModal();
}

export function step(by) {
  const number = shown.number + by;
  if (number < 0 || number >= shown.images.length) return;
  shown = { ...shown, number };
  draw();
}

export function toggle() {
  shown = { ...shown, compared: !shown.compared };
  draw();
}

const isQuery = (image) => image === shown.search.answer.query;
const queryOf = (image) => (isQuery(image) ? shown.search.query : { id: image.image_id });

async function draw() {
  const { search, images, number, compared } = shown;
  const image = images[number];
  const figures = compared ? [figure(search.answer.query, "Query"), figure(image, "Result")] : [figure(image)];
  $("detail-title").textContent = compared ? "Comparison" : isQuery(image) ? "The query" : "Image";
  $("pair").replaceChildren(...figures);
  $("pair").classList.toggle("single", !compared);
  $("facts").replaceChildren(...(compared ? [] : facts(image)));
  $("shares").replaceChildren();
  $("regions").textContent = "";
  keypoints.clear($("pair"));
  buttons(image);
  const now = shown;
  try {
    const { probabilities } = isQuery(image) ? image : await get(`api/images/${encodeURIComponent(image.image_id)}`);
    if (now !== shown) return;
    shares(compared ? [["Query", search.answer.query.probabilities], ["Result", probabilities]] : [["Probability", probabilities]]);
    if (compared) await likeness(search, image, figures, () => now === shown);
  } catch (error) {
    if (now === shown) $("regions").textContent = error.message;
  }
}

function buttons(image) {
  const { images, number, compared } = shown;
  $("place").textContent = `${number + 1} of ${images.length}`;
  $("earlier").disabled = number === 0;
  $("later").disabled = number === images.length - 1;
  $("steps").hidden = images.length < 2;
  $("compare").hidden = isQuery(image) || Boolean(shown.search.query.text);
  $("compare").textContent = compared ? "Show this image alone" : "Compare with the query";
  const more = link({ id: image.image_id }, { id: "more", className: "button", textContent: "Search by this image" });
  more.hidden = isQuery(image);
  $("more").replaceWith(more);
}

function figure(image, title) {
  const note = make("p", { className: "hint" });
  const small = picture(queryOf(image), title ?? image.name ?? "The image");
  if (image.original) enlarge(small, image, note).catch((error) => { note.textContent = error.message; });
  const caption = title ? [make("strong", { textContent: `${title}: ` }), ...describe(image)] : [];
  return make("figure", {}, make("div", { className: "frame" }, small), make("figcaption", {}, ...caption, note));
}

function describe(image) {
  const distance = image.distance === undefined ? [] : [`distance ${distanceText(image.distance)}`];
  const lines = [prediction(image), givenLabel(image), sameThing(image), distance, image.duplicate ? ["duplicate of the query"] : []];
  return [
    ...lines.filter((line) => line.length).flatMap((line, number) => (number ? [" · ", ...line] : line)),
    ...(image.name ? [fileName(image)] : []),
    make("span", { className: "row actions" }, ...fileActions(image)),
  ];
}

// All that is known of one image, as a list of terms.
function facts(image) {
  const upload = uploaded(queryOf(image))?.file.name;
  const rows = [
    ["File", upload ? [upload] : image.name && [fileName(image)]],
    ["Path", image.origin && [make("span", { className: "path", textContent: image.origin }), make("span", { className: "row actions" }, ...fileActions(image))]],
    ["Prediction", prediction(image, true)],
    ["Whole set", image.predicted && [`${percent(image.confidence, 1)}, the probability that each class is as predicted`]],
    ["Given label", givenLabel(image, true)],
    ["Keypoints", sameThing(image)],
    ["Distance", image.distance !== undefined && [`${image.distance.toPrecision(3)} from the query${image.duplicate ? ": a duplicate" : ""}`]],
    ["Split", image.split && [make("span", { textContent: splitName(image.split), title: splitMeaning(image.split) })]],
    ["Dataset", image.dataset && [image.dataset]],
    ["Id", [make("code", { textContent: image.image_id, title: "The hash of the image's pixels" })]],
  ];
  return rows.filter(([, content]) => content?.length).flatMap(([term, content]) => [make("dt", { textContent: term }), make("dd", {}, ...content)]);
}

// The most probable classes of one or two images: [title, {class: probability}] each.
function shares(columns) {
  const greatest = (name) => Math.max(...columns.map(([, own]) => own[name]));
  const names = Object.keys(columns[0][1]).sort((a, b) => greatest(b) - greatest(a));
  const { thresholds } = shown.search.about;
  const share = (value, name) => {
    const text = make(thresholds && value >= thresholds[name] ? "strong" : "span", { textContent: percent(value, 1) });
    return make("td", {}, make("meter", { min: 0, max: 1, value }), text);
  };
  const from = (name) => (thresholds ? [make("td", { className: "far", textContent: percent(thresholds[name], 1) })] : []);
  if (!names.length) return;
  const rows = names.slice(0, SHOWN_CLASSES).map((name) =>
    make("tr", {}, make("th", { scope: "row", textContent: name }), ...columns.map(([, own]) => share(own[name], name)), ...from(name)));
  const heads = ["Class", ...columns.map(([title]) => title), ...(thresholds ? ["Predicted from"] : [])].map((text) => make("th", { scope: "col", textContent: text }));
  $("shares").replaceChildren(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
}

// What of the two pictures is alike: keypoints, or regions.
async function likeness(search, image, figures, isShown) {
  if (search.about.local_features) return agreeing(search, image, figures, isShown);
  if (search.about.classes.length) return regions(search, image, figures, isShown); // else features are made of a whole picture
}

// Ask the server about the query and an image.
function both(address, query, image) {
  const parameters = new URLSearchParams({ other: image.image_id, ...(query.id ? { image_id: query.id } : {}) });
  return get(`${address}?${parameters}`, query.upload ? { method: "POST", body: uploaded(query).file } : {});
}

async function agreeing({ query }, image, figures, isShown) {
  const found = await both("api/keypoints", query, image);
  if (!isShown()) return;
  const title = found.same ? "The same thing" : "No match, as far as keypoints tell";
  const drawn = found.image.length < found.inliers ? `, ${found.image.length} of which are drawn` : "";
  const words = `${title}: ${found.inliers} keypoints of both pictures fit one homography${drawn}`;
  if (!found.inliers) return $("regions").replaceChildren(`${title}: no keypoints of both pictures fit one homography`);
  keypoints.draw($("pair"), figures.map((one) => one.querySelector(".frame")), [found.image, found.other]);
  overlaid(words);
}

// Say what is drawn over the pictures, with a box to hide it.
function overlaid(words) {
  const box = make("input", { type: "checkbox", checked: true });
  box.addEventListener("change", () => $("pair").classList.toggle("plain", !box.checked));
  $("pair").classList.remove("plain");
  $("regions").replaceChildren(make("label", {}, box, ` ${words}`));
}

async function regions({ query, answer, about }, image, figures, isShown) {
  if (about.distances[answer.distance] !== "features") return;
  if (!about.regions) {
    $("regions").textContent = `The features of ${about.extractor} are not of regions, so similar regions cannot be shown.`;
    return;
  }
  const overlays = await both("api/agreement", query, image);
  if (!isShown()) return;
  const frames = figures.map((one) => one.querySelector(".frame"));
  [overlays.image, overlays.other].forEach((src, number) => frames[number].append(make("img", { src, alt: "", className: "overlay" })));
  overlaid("Regions that make the two images similar: the stronger the colour, the larger their contribution");
}
