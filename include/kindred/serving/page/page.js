// The page of the search: the list to choose a query from, and what the query finds.
import { addressFor, addUpload, ask, current, DEFAULTS, earlier, link, parameters, refine, uploaded } from "./address.js";
import * as detail from "./detail.js";
import { $, get, make } from "./dom.js";
import { brief, className, classesMeaning, confidenceMeaning, distanceMeaning, distanceOptions, distanceText, exactness, givenLabel, NONE, orderMeaning, orderOptions, prediction, sameThing, splitMeaning, splitName } from "./figures.js";
import { enlarge, fileActions, fileName } from "./files.js";

const LISTS = ["class", "split", "dataset"]; // may stand in the address more than once
const BOXES = { class: "classes", split: "splits", dataset: "datasets" };
const SIDES = { nearest: "Most similar", farthest: "Least similar" };
const LISTED = 24; // images on a page of the list
const SHOWN_TEXT = 40; // characters
const MAX_BYTES = 50 * 2 ** 20;
const IMAGE_ID = /^[0-9a-f]{32}$/;
const SMALL = 256; // px: larger images are shrunk to this in the index

const FILTERS = ["labelled", "label", "origin", "min_confidence", "max_confidence"];
const FIELDS = ["distance", "mode", "rerank", "k", "side", ...FILTERS];
const BOXED = ["itself", "all_classes"];
const COSINE = "cosine"; // the distance that words are compared by, and that re-rankers begin with

let about; // what is served
let place = { part: "queries", class: "", origin: "", offset: 0 }; // in the list to choose from
let total = 0; // images in that list
let last; // the last query, its answer, and what was served
let running; // to abort a search that has been replaced

// ---- the list to choose from

function listed(offset, limit) {
  const asked = new URLSearchParams({ part: place.part, offset, limit });
  for (const name of ["class", "origin"]) if (place[name]) asked.set(name, place[name]);
  return get(`api/images?${asked}`).catch(report);
}

async function list() {
  const listing = await listed(place.offset, LISTED);
  if (!listing) return undefined;
  total = listing.total;
  const links = listing.images.map((image) => {
    const query = { id: image.image_id };
    const anchor = link(query, { title: brief(image) });
    anchor.append(detail.picture(query, brief(image)));
    return anchor;
  });
  $("list").replaceChildren(...links);
  $("list").classList.toggle("paged", total > LISTED);
  const end = Math.min(place.offset + LISTED, total);
  $("page").textContent = total ? `${place.offset + 1}–${end} of ${total.toLocaleString("en")}` : noneText();
  $("before").disabled = place.offset === 0;
  $("after").disabled = end >= total;
  $("random").disabled = total === 0;
  mark();
  return listing.images;
}

function noneText() {
  return place.origin ? `no file with “${place.origin.slice(0, SHOWN_TEXT)}”` : "none";
}

function mark() {
  const own = addressFor(current() ?? {});
  for (const anchor of $("list").children) {
    if (new URL(anchor.href).search === new URL(own, location).search) anchor.setAttribute("aria-current", "true");
    else anchor.removeAttribute("aria-current");
  }
  point();
}

// Say which file it is that the pointer or the focus is on, or that is the query.
function point(anchor = $("list").querySelector("a:focus-visible, a[aria-current]")) {
  $("pointed").textContent = anchor?.title ?? "";
}

// Show the image with this id, or list those whose file's name or path has this text; where there are none in this part,
// those in the other. A single one is shown.
async function find(text) {
  if (IMAGE_ID.test(text)) return ask({ id: text });
  place = { ...place, origin: text, offset: 0 };
  let images = await list();
  const other = [...$("part").options].find((option) => option.value !== place.part && !option.disabled);
  if (text && images?.length === 0 && other) {
    place.part = $("part").value = other.value;
    images = await list();
  }
  if (text && total === 1) ask({ id: images[0].image_id });
}

async function random() {
  const listing = await listed(Math.floor(Math.random() * total), 1);
  if (listing?.images.length) ask({ id: listing.images[0].image_id });
}

// ---- the query and what it finds

function controls() {
  const asked = parameters();
  for (const name of FIELDS) $(name).value = asked.get(name) ?? DEFAULTS[name];
  for (const name of BOXED) $(name).checked = asked.get(name) === "true";
  const text = current()?.text ?? "";
  if (text) $("distance").value = COSINE;
  for (const name of ["distance", "itself"]) $(name).disabled = Boolean(text);
  $("rerank").disabled = $("distance").value !== COSINE || $("mode").value !== DEFAULTS.mode;
  if ($("rerank").disabled) $("rerank").value = "none";
  $("text").value = text;
  let active = FILTERS.filter((name) => asked.get(name)).length;
  for (const name of LISTS) {
    const chosen = new Set(asked.getAll(name));
    active += chosen.size ? 1 : 0;
    for (const box of $(BOXES[name]).querySelectorAll("input")) box.checked = chosen.has(box.value);
  }
  $("active").textContent = active ? ` (${active})` : "";
  $("order-meaning").textContent = orderMeaning($("rerank").value === DEFAULTS.rerank ? about.reranker : $("rerank").value);
  $("meaning").textContent = distanceMeaning($("distance").value, about.distances[$("distance").value], about.thresholds);
}

function change() {
  const asked = parameters();
  for (const name of FIELDS) if (!$(name).disabled) asked.set(name, $(name).value);
  for (const name of BOXED) asked.set(name, $(name).checked ? "true" : "");
  for (const name of LISTS) {
    asked.delete(name);
    for (const box of $(BOXES[name]).querySelectorAll("input:checked")) asked.append(name, box.value);
  }
  refine(asked);
}

async function show() {
  controls();
  trail();
  mark();
  $("detail").close();
  running?.abort();
  const query = current();
  if (!query) return nothing();
  const asked = parameters();
  asked.delete("upload");
  if (query.text) asked.delete("distance"); // of the next picture
  if ($("rerank").disabled) asked.delete("rerank");
  if (!asked.has("side")) asked.set("side", DEFAULTS.side);
  if (Number(asked.get("k") ?? DEFAULTS.k) > about.gallery) asked.set("k", about.gallery); // more are none to give
  const options = { signal: (running = new AbortController()).signal };
  if (query.upload) Object.assign(options, { method: "POST", body: uploaded(query).file });
  const slow = setTimeout(() => report("Searching …"), 300);
  try {
    last = { query, answer: await get(`api/search?${asked}`, options), about };
    report("");
    results();
  } catch (error) {
    if (error.name === "AbortError") return;
    last = undefined;
    for (const name of ["exactness", "match"]) $(name).textContent = "";
    $("query").replaceChildren();
    $("results").replaceChildren();
    report(error);
  } finally {
    clearTimeout(slow);
  }
}

function nothing() {
  last = undefined;
  for (const name of ["exactness", "match"]) $(name).textContent = "";
  $("results").replaceChildren();
  $("query").replaceChildren(make("p", { className: "hint", textContent: emptyText() }));
  document.title = "Kindred search";
  report("");
}

function emptyText() {
  if (!about.gallery) return "There are no images to search in: the run has neither unlabelled nor labelled training images in its index.";
  if (parameters().has("upload")) return "This address belongs to an uploaded picture. Uploads are not stored: upload it again.";
  return `Choose a picture${about.words ? ", or search by words," : ""} to see the most and the least similar images.`;
}

function results() {
  $("query").replaceChildren(...(last.query.text ? aboutWords() : aboutPicture()));
  const { answer } = last;
  $("exactness").textContent = parameters().get("mode") === "approximate" ? exactness(answer) : "";
  $("match").textContent = answer.match === false ? "No match: nothing shows the same thing as the query. These images look alike." : "";
  const columns = Object.entries(SIDES).filter(([side]) => answer[side]).map(([side, title]) => column(title, answer[side]));
  $("results").replaceChildren(...columns);
}

function aboutWords() {
  const { text, read, tokens } = last.answer.query;
  const note = `Only the first ${tokens} tokens are read, up to “${read.length > SHOWN_TEXT ? "… " : ""}${read.slice(-SHOWN_TEXT)}”.`;
  document.title = `${text.slice(0, SHOWN_TEXT)} · Kindred search`;
  return [make("div", {}, make("h2", { textContent: `“${text}”` }),
    ...(read.length < text.length ? [make("p", { className: "hint", textContent: note })] : []))];
}

function aboutPicture() {
  const { query, answer } = last;
  const known = answer.query;
  const open = make("button", { type: "button", className: "open", title: "Show it large, with all that is known of it" });
  const note = make("p", { className: "hint" });
  const small = detail.picture(query, `The query: ${brief(known)}`);
  open.append(small);
  open.addEventListener("click", () => detail.open(last, [known], 0, false));
  small.addEventListener("load", () => enlargeQuery(small, known, note), { once: true });
  const file = query.upload ? { name: uploaded(query).file.name } : known;
  const where = query.upload ? ["uploaded"] : [splitName(known.split), known.dataset].filter(Boolean);
  document.title = `${file.name ?? brief(known)} · Kindred search`;
  return [open, make("div", {},
    make("h2", {}, ...(about.classes.length ? prediction(known, true) : ["Query"]), ...spaced(givenLabel(known))),
    ...(file.name ? [make("p", { className: "file" }, fileName(file))] : []),
    make("p", { className: "hint where", textContent: where.join(", "), title: splitMeaning(known.split) }),
    make("code", { textContent: known.image_id, title: "The id: the hash of the image's pixels" }),
    make("div", { className: "row actions" }, ...fileActions(known)), note)];
}

const spaced = (elements) => elements.flatMap((element) => [" ", element]);

// A picture that is not shrunk is the original's size already.
function enlargeQuery(small, known, note) {
  if (!known.original || Math.max(small.naturalWidth, small.naturalHeight) < SMALL) return;
  enlarge(small, known, note).catch(report);
}

function column(title, images) {
  const cards = images.length ? images.map((image, number) => card(image, images, number)) : [make("p", { className: "hint", textContent: "No image passes the filter." })];
  return make("section", {}, make("h2", { textContent: title }), make("div", { className: "cards" }, ...cards));
}

function card(image, images, number) {
  const query = { id: image.image_id };
  const search = link(query, { className: "picture", title: "Search by this image" });
  search.append(detail.picture(query, brief(image)));
  const details = make("button", { type: "button", className: "details", title: image.origin ?? "Show it large, with all that is known of it" });
  details.append(image.name ? fileName(image) : "Details");
  details.setAttribute("aria-label", `Details of ${brief(image)}`);
  details.addEventListener("click", () => detail.open(last, images, number, false));
  const compare = make("button", { type: "button", className: "compare", textContent: "Compare" });
  compare.setAttribute("aria-label", `Compare with the query: ${brief(image)}`);
  compare.addEventListener("click", () => detail.open(last, images, number, true));
  const caption = make("div", { className: "caption" }, ...prediction(image), ...givenLabel(image), ...sameThing(image),
    make("span", { className: "far", textContent: `distance ${distanceText(image.distance)}` }));
  if (last.query.text) return make("article", {}, search, details, caption); // words have no regions to compare
  if (image.duplicate) caption.append(make("span", { className: "badge", textContent: "duplicate" }));
  return make("article", {}, search, details, caption, compare);
}

function trail() {
  const links = earlier().map((query, number, all) => {
    const anchor = link(query, { title: "Show this query again" }, all.slice(0, number));
    anchor.append(query.text ? make("span", { textContent: `“${query.text}”` }) : detail.picture(query, `Earlier query ${number + 1}`));
    if (query.text) anchor.className = "words";
    return anchor;
  });
  $("trail").replaceChildren(...(links.length ? [make("span", { textContent: "Earlier queries:" }), ...links] : []));
}

function report(status) {
  const failed = status instanceof Error;
  $("status").textContent = failed ? status.message : status;
  $("status").classList.toggle("error", failed);
}

// ---- start

function upload(file) {
  if (!file) return;
  if (file.size > MAX_BYTES) return report(new Error("The picture is over 50 MB."));
  ask(addUpload(file));
}

function fill() {
  const images = `${about.gallery.toLocaleString("en")} images to search in`;
  const since = about.since && new Date(about.since).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const run = since ? `${about.run}, served since ${since}` : about.run;
  $("about").textContent = `${run} · ${images} · ${about.queries.toLocaleString("en")} ${queriesName()} · features: ${about.extractor}`;
  $("problem").hidden = !about.trouble;
  $("problem").textContent = about.trouble ? `The run that was promoted last is not shown: ${about.trouble}` : "";
  $("queries").textContent = queriesName();
  $("rerank").append(...orderOptions(about.rerankers, about.reranker));
  for (const element of document.querySelectorAll(".of-classes, #by-class, #confidences")) element.hidden = !about.classes.length;
  for (const element of document.querySelectorAll(".of-keypoints")) element.hidden = !about.local_features;
  if (!about.classes.length) $("split-meaning").textContent = "the part of the dataset that an image belongs to: query or gallery";
  $("distance").append(...distanceOptions(about.distances));
  const classes = about.thresholds ? [...about.classes, NONE] : about.classes;
  for (const name of ["class", "label"]) {
    $(name).append(...classes.map((value) => make("option", { value, textContent: className(value) })));
  }
  for (const element of document.querySelectorAll(".of-sets")) element.hidden = !about.thresholds;
  $("classes-meaning").textContent = classesMeaning(about.thresholds);
  $("confidences").title = confidenceMeaning(about.thresholds);
  for (const [name, values] of [["class", classes], ["split", about.splits], ["dataset", about.datasets]]) {
    const boxes = values.map((value) => {
      const [text, title] = name === "split" ? [splitName(value), splitMeaning(value)] : [className(value), ""];
      return make("label", { title }, make("input", { type: "checkbox", value }), ` ${text}`);
    });
    $(BOXES[name]).append(...boxes);
    $(BOXES[name]).hidden = values.length < 2;
  }
  $("by-text").hidden = !about.words;
  $("modes").hidden = !about.approximate.length;
  $("labels").hidden = !about.labelled;
  $("labelled").hidden = about.labelled === about.gallery;
  if (!about.queries) place.part = $("part").value = "gallery";
  for (const option of $("part").options) option.disabled = !about[option.value];
}

const queriesName = () => (about.classes.length ? "test images" : "queries");

function onQuery() {
  show();
  if ($("main").getBoundingClientRect().top > innerHeight / 2) $("main").scrollIntoView(); // on a phone it lies below
}

// Arrow keys move from picture to picture.
function arrows(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step && $("detail").open) return detail.step(step);
  const inside = event.target.closest?.(".list, .cards");
  if (!step || !inside || event.target.tagName !== "A") return;
  const links = [...inside.querySelectorAll("a")];
  links[links.indexOf(event.target) + step]?.focus();
}

function listen() {
  addEventListener("query", onQuery);
  for (const kind of ["pointerover", "focusin"]) $("list").addEventListener(kind, (event) => point(event.target.closest("a") ?? undefined));
  for (const kind of ["pointerleave", "focusout"]) $("list").addEventListener(kind, () => point());
  $("earlier").addEventListener("click", () => detail.step(-1));
  $("later").addEventListener("click", () => detail.step(1));
  $("compare").addEventListener("click", detail.toggle);
  document.addEventListener("keydown", arrows);
  $("controls").addEventListener("change", change);
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("clear").addEventListener("click", () => {
    for (const box of $("filters").querySelectorAll("input:checked")) box.checked = false;
    for (const name of FILTERS) $(name).value = "";
    change();
  });
  for (const name of ["part", "class"]) {
    $(name).addEventListener("change", () => {
      place = { ...place, part: $("part").value, class: $("class").value, offset: 0 };
      list();
    });
  }
  $("before").addEventListener("click", () => { place.offset = Math.max(0, place.offset - LISTED); list(); });
  $("after").addEventListener("click", () => { place.offset += LISTED; list(); });
  $("random").addEventListener("click", random);
  $("by-text").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (text) ask({ text });
  });
  $("by-id").addEventListener("submit", (event) => {
    event.preventDefault();
    find($("id").value.trim());
  });
  $("id").addEventListener("input", () => { if (!$("id").value && place.origin) find(""); });
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
