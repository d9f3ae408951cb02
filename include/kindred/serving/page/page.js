// The page of the search. The address holds the query, and the history the trail of earlier queries. Uploaded pictures
// are kept as long as the page is: the history could not give them back.
"use strict";

const DEFAULTS = { distance: "cosine", k: "8", side: "both", itself: "", min_confidence: "", max_confidence: "" };
const LISTS = ["class", "split", "dataset"]; // may stand in the address more than once
const BOXES = { class: "classes", split: "splits", dataset: "datasets" };
// Titles; a distance without one is shown by its name.
const DISTANCES = { cosine: "cosine", l2: "L2", kullback_leibler: "Kullback-Leibler", probability_l2: "L2" };
const KINDS = { features: "similar appearance", probabilities: "same class" };
const SIDES = { nearest: "Most similar", farthest: "Least similar" };
const SHOWN_CLASSES = 12; // in a comparison
const TRAIL = 8; // earlier queries
const LISTED = 24; // images on a page of the list
const MAX_BYTES = 50 * 2 ** 20;
const $ = (id) => document.getElementById(id);

let about; // what is served
let place = { part: "queries", class: "", offset: 0 }; // in the list to choose from
let total = 0; // images in that list
let last; // the last query and its answer
let running; // to abort a search that has been replaced
const uploads = new Map(); // pictures and their addresses, by a name that the history remembers

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const percent = (share, digits = 0) => `${(100 * share).toFixed(digits)} %`;

async function get(address, options) {
  const answer = await fetch(address, options);
  if (answer.status === 401) throw new Error("You are no longer logged in: reload the page.");
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

// Of a query: {id} of a known image, or {upload}, the name of an uploaded one.
function source(query) {
  if (query.upload) return uploads.get(query.upload)?.address ?? "data:,";
  return `api/images/${encodeURIComponent(query.id)}/picture`;
}

function picture(query, text) {
  const image = make("img", { src: source(query), alt: text, loading: "lazy" });
  image.addEventListener("load", () => image.classList.toggle("pixels", Math.max(image.naturalWidth, image.naturalHeight) <= 64));
  return image;
}

// ---- the address

const addressParameters = () => new URLSearchParams(location.search);
const current = () => {
  const id = addressParameters().get("image_id");
  if (id) return { id };
  return uploads.has(history.state?.upload) ? { upload: history.state.upload } : null;
};

function addressOf(parameters) {
  const kept = new URLSearchParams();
  for (const [name, value] of parameters) if (value !== "" && value !== DEFAULTS[name]) kept.append(name, value);
  const text = kept.toString();
  return text ? `?${text}` : location.pathname;
}

function addressFor(query) {
  const parameters = addressParameters();
  parameters.delete("image_id");
  parameters.delete("upload");
  if (query.id) parameters.set("image_id", query.id);
  else parameters.set("upload", "1");
  return addressOf(parameters);
}

// Show another query; the current one joins the trail.
function ask(query, trail) {
  if (!trail) {
    const before = current();
    const earlier = history.state?.trail ?? [];
    trail = before ? [...earlier, before].slice(-TRAIL) : earlier;
  }
  history.pushState({ trail, upload: query.upload }, "", addressFor(query));
  show();
  if ($("main").getBoundingClientRect().top > innerHeight / 2) $("main").scrollIntoView(); // on a phone it lies below
}

// A link to a query, which a click follows without loading the page again.
function link(query, properties, trail) {
  const anchor = make("a", { href: addressFor(query), ...properties });
  anchor.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    $("detail").close();
    ask(query, trail);
  });
  return anchor;
}

// ---- the list to choose from

async function list() {
  const parameters = new URLSearchParams({ part: place.part, offset: place.offset, limit: LISTED });
  if (place.class) parameters.set("class", place.class);
  const listing = await get(`api/images?${parameters}`).catch(report);
  if (!listing) return;
  total = listing.total;
  const links = listing.images.map((image) => {
    const text = `${image.prediction}, ${percent(image.confidence)}`;
    return link({ id: image.image_id }, { title: text }, undefined).appendChild(picture({ id: image.image_id }, text)).parentElement;
  });
  $("list").replaceChildren(...links);
  const end = Math.min(place.offset + LISTED, total);
  $("page").textContent = total ? `${place.offset + 1}–${end} of ${total.toLocaleString("en")}` : "none";
  $("before").disabled = place.offset === 0;
  $("after").disabled = end >= total;
  $("random").disabled = total === 0;
  mark();
}

function mark() {
  const own = addressFor(current() ?? {});
  for (const anchor of $("list").children) {
    if (new URL(anchor.href).search === new URL(own, location).search) anchor.setAttribute("aria-current", "true");
    else anchor.removeAttribute("aria-current");
  }
}

async function random() {
  const parameters = new URLSearchParams({ part: place.part, offset: Math.floor(Math.random() * total), limit: 1 });
  if (place.class) parameters.set("class", place.class);
  const listing = await get(`api/images?${parameters}`).catch(report);
  if (listing?.images.length) ask({ id: listing.images[0].image_id });
}

// ---- the query and what it finds

function controls() {
  const parameters = addressParameters();
  for (const name of ["distance", "k", "side", "min_confidence", "max_confidence"]) {
    $(name).value = parameters.get(name) ?? DEFAULTS[name];
  }
  $("itself").checked = parameters.get("itself") === "true";
  let active = ["min_confidence", "max_confidence"].filter((name) => parameters.get(name)).length;
  for (const name of LISTS) {
    const chosen = new Set(parameters.getAll(name));
    active += chosen.size ? 1 : 0;
    for (const box of $(BOXES[name]).querySelectorAll("input")) box.checked = chosen.has(box.value);
  }
  $("active").textContent = active ? ` (${active})` : "";
}

function change() {
  const parameters = addressParameters();
  for (const name of ["distance", "k", "side", "min_confidence", "max_confidence"]) parameters.set(name, $(name).value);
  parameters.set("itself", $("itself").checked ? "true" : "");
  for (const name of LISTS) {
    parameters.delete(name);
    for (const box of $(BOXES[name]).querySelectorAll("input:checked")) parameters.append(name, box.value);
  }
  history.pushState(history.state, "", addressOf(parameters));
  show();
}

async function show() {
  controls();
  trail();
  mark();
  $("detail").close();
  running?.abort();
  const query = current();
  if (!query) return nothing();
  const parameters = addressParameters();
  parameters.delete("upload");
  if (!parameters.has("side")) parameters.set("side", DEFAULTS.side);
  const options = { signal: (running = new AbortController()).signal };
  if (query.upload) Object.assign(options, { method: "POST", body: uploads.get(query.upload).file });
  const slow = setTimeout(() => report("Searching …"), 300);
  try {
    last = { query, answer: await get(`api/search?${parameters}`, options) };
    report("");
    results();
  } catch (error) {
    if (error.name === "AbortError") return;
    last = undefined;
    $("query").replaceChildren();
    $("results").replaceChildren();
    report(error);
  } finally {
    clearTimeout(slow);
  }
}

function nothing() {
  last = undefined;
  $("results").replaceChildren();
  const text = addressParameters().has("upload")
    ? "This address belongs to an uploaded picture. Uploads are not stored: upload it again."
    : "Choose a picture to see the most and the least similar images.";
  $("query").replaceChildren(make("p", { className: "hint", textContent: text }));
  document.title = "Kindred search";
  report("");
}

function results() {
  const { query, answer } = last;
  const known = answer.query;
  const facts = [make("strong", { textContent: known.prediction }), ` ${percent(known.confidence)}`];
  const where = query.upload ? "uploaded" : [known.split, known.dataset].filter(Boolean).join(", ");
  $("query").replaceChildren(
    picture(query, `The query: ${known.prediction}`),
    make("div", {}, make("h2", {}, ...facts), make("p", { className: "hint", textContent: where }), make("code", { textContent: known.image_id })),
  );
  document.title = `${known.prediction} · Kindred search`;
  const columns = Object.entries(SIDES).filter(([side]) => answer[side]).map(([side, title]) => column(title, answer[side]));
  $("results").replaceChildren(...columns);
}

function column(title, images) {
  const cards = images.length ? images.map(card) : [make("p", { className: "hint", textContent: "No image passes the filter." })];
  return make("section", {}, make("h2", { textContent: title }), make("div", { className: "cards" }, ...cards));
}

function card(image) {
  const text = `${image.prediction}, ${percent(image.confidence)}`;
  const open = link({ id: image.image_id }, { className: "picture", title: "Search by this image" });
  open.append(picture({ id: image.image_id }, text));
  const compare = make("button", { type: "button", textContent: "Compare" });
  compare.setAttribute("aria-label", `Compare with the query: ${text}`);
  compare.addEventListener("click", () => detail(image));
  const caption = make("div", { className: "caption" },
    make("span", {}, make("strong", { textContent: image.prediction }), ` ${percent(image.confidence)}`),
    make("span", { className: "far", textContent: image.distance.toPrecision(3), title: "distance" }));
  if (image.duplicate) caption.append(make("span", { className: "badge", textContent: "duplicate" }));
  return make("article", {}, open, caption, compare);
}

function trail() {
  const earlier = (history.state?.trail ?? []).filter((query) => query.id || uploads.has(query.upload));
  const links = earlier.map((query, number) => {
    const anchor = link(query, { title: "Show this query again" }, earlier.slice(0, number));
    anchor.append(picture(query, `Earlier query ${number + 1}`));
    return anchor;
  });
  $("trail").replaceChildren(...(links.length ? [make("span", { textContent: "Earlier queries:" }), ...links] : []));
}

function report(status) {
  const failed = status instanceof Error;
  $("status").textContent = failed ? status.message : status;
  $("status").classList.toggle("error", failed);
}

// ---- two images beside each other

async function detail(image) {
  const { query, answer } = last;
  const { probabilities: own } = answer.query;
  const figure = (of, title, text) => make("figure", {}, make("div", { className: "frame" }, picture(of, title)), make("figcaption", {}, make("strong", { textContent: title }), ` ${text}`));
  $("pair").replaceChildren(
    figure(query, "Query", `${answer.query.prediction}, ${percent(answer.query.confidence)}`),
    figure({ id: image.image_id }, "Result", `${image.prediction}, ${percent(image.confidence)}; distance ${image.distance.toPrecision(3)}${image.duplicate ? "; duplicate" : ""}`),
  );
  $("shares").replaceChildren();
  $("regions").textContent = "";
  const more = link({ id: image.image_id }, { id: "more", className: "button", textContent: "Search by this image" });
  $("more").replaceWith(more);
  $("detail").showModal();
  try {
    const { probabilities: other } = await get(`api/images/${encodeURIComponent(image.image_id)}`);
    compare(own, other);
    await regions(query, image);
  } catch (error) {
    $("regions").textContent = error.message;
  }
}

function compare(own, other) {
  const names = Object.keys(own).sort((a, b) => Math.max(own[b], other[b]) - Math.max(own[a], other[a]));
  const share = (value) => make("td", {}, make("meter", { min: 0, max: 1, value }), make("span", { textContent: percent(value, 1) }));
  const rows = names.slice(0, SHOWN_CLASSES).map((name) => make("tr", {}, make("th", { scope: "row", textContent: name }), share(own[name]), share(other[name])));
  const heads = ["Class", "Query", "Result"].map((text) => make("th", { scope: "col", textContent: text }));
  $("shares").replaceChildren(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
}

async function regions(query, image) {
  if (about.distances[last.answer.distance] !== "features") return;
  if (!about.regions) {
    $("regions").textContent = `The features of ${about.extractor} are not of regions, so similar regions cannot be shown.`;
    return;
  }
  const parameters = new URLSearchParams({ other: image.image_id, ...(query.id ? { image_id: query.id } : {}) });
  const options = query.upload ? { method: "POST", body: uploads.get(query.upload).file } : {};
  const overlays = await get(`api/agreement?${parameters}`, options);
  const frames = $("pair").querySelectorAll(".frame");
  [overlays.image, overlays.other].forEach((src, number) => frames[number].append(make("img", { src, alt: "", className: "overlay" })));
  const box = make("input", { type: "checkbox", checked: true });
  box.addEventListener("change", () => $("pair").classList.toggle("plain", !box.checked));
  $("pair").classList.remove("plain");
  $("regions").replaceChildren(make("label", {}, box, " Regions that make the two images similar: the stronger the colour, the larger their contribution"));
}

// ---- start

function upload(file) {
  if (!file) return;
  if (file.size > MAX_BYTES) return report(new Error("The picture is over 50 MB."));
  const name = `${performance.timeOrigin}-${uploads.size}`;
  uploads.set(name, { file, address: URL.createObjectURL(file) });
  ask({ upload: name });
}

// The distances that there are, those of one kind of vectors together.
function fillDistances() {
  const groups = new Map();
  for (const name of new Set([...Object.keys(DISTANCES), ...Object.keys(about.distances)])) {
    const kind = about.distances[name];
    if (!kind) continue;
    if (!groups.has(kind)) groups.set(kind, make("optgroup", { label: KINDS[kind] ?? kind }));
    groups.get(kind).append(make("option", { value: name, textContent: `${DISTANCES[name] ?? name} of ${kind}` }));
  }
  $("distance").append(...groups.values());
}

function fill() {
  $("about").textContent = `${about.run} · ${about.gallery.toLocaleString("en")} images to search in · ${about.extractor}`;
  $("problem").hidden = !about.trouble;
  $("problem").textContent = about.trouble ? `The run that was promoted last is not shown: ${about.trouble}` : "";
  fillDistances();
  $("class").append(...about.classes.map((name) => make("option", { value: name, textContent: name })));
  for (const [name, values] of [["class", about.classes], ["split", about.splits], ["dataset", about.datasets]]) {
    const boxes = values.map((value) => make("label", {}, make("input", { type: "checkbox", value }), ` ${value}`));
    $(BOXES[name]).append(...boxes);
    $(BOXES[name]).hidden = values.length < 2;
  }
}

// Arrow keys move from picture to picture.
function arrows(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const inside = event.target.closest?.(".list, .cards");
  if (!step || !inside || event.target.tagName !== "A") return;
  const links = [...inside.querySelectorAll("a")];
  links[links.indexOf(event.target) + step]?.focus();
}

function listen() {
  addEventListener("popstate", show);
  document.addEventListener("keydown", arrows);
  $("controls").addEventListener("change", change);
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("clear").addEventListener("click", () => {
    for (const box of $("filters").querySelectorAll("input:checked")) box.checked = false;
    $("min_confidence").value = $("max_confidence").value = "";
    change();
  });
  for (const name of ["part", "class"]) {
    $(name).addEventListener("change", () => {
      place = { part: $("part").value, class: $("class").value, offset: 0 };
      list();
    });
  }
  $("before").addEventListener("click", () => { place.offset = Math.max(0, place.offset - LISTED); list(); });
  $("after").addEventListener("click", () => { place.offset += LISTED; list(); });
  $("random").addEventListener("click", random);
  $("by-id").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = $("id").value.trim();
    if (id) ask({ id });
  });
  $("file").addEventListener("change", () => { upload($("file").files[0]); $("file").value = ""; });
  addEventListener("paste", (event) => upload(event.clipboardData.files[0]));
  addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").classList.remove("over"); });
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    upload(event.dataTransfer.files[0]);
  });
}

async function start() {
  listen();
  about = await get("api/about").catch(report);
  if (!about) return;
  fill();
  await Promise.all([list(), show()]);
}

start();
