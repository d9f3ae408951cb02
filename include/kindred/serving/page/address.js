// Which query the page shows. The address holds it, and the history the trail of earlier queries. Uploaded pictures are
// kept as long as the page is: the history could not give them back. The event "query" says that it is another one.

import { make } from "./dom.js";

export const DEFAULTS = { distance: "cosine", mode: "exact", rerank: "auto", k: "8", side: "both", itself: "", all_classes: "", labelled: "", label: "", origin: "", min_confidence: "", max_confidence: "" };
const TRAIL = 8; // earlier queries
const IN_AIRFLOW = /^(.*\/plugin\/[^/]+)(\/.*)?$/; // the address of a plugin's page, which may hold the frame's own
const uploads = new Map(); // pictures and their addresses, by a name that the history remembers

export const parameters = () => new URLSearchParams(location.search);

// {id} of a known image, {text}, words, {upload}, the name of an uploaded one, or null.
export function current() {
  const id = parameters().get("image_id");
  if (id) return { id };
  const text = parameters().get("text");
  if (text) return { text };
  return uploads.has(history.state?.upload) ? { upload: history.state.upload } : null;
}

export const earlier = () => (history.state?.trail ?? []).filter((query) => query.id || query.text || uploads.has(query.upload));
export const uploaded = (query) => uploads.get(query.upload);

export function addUpload(file) {
  const upload = `${performance.timeOrigin}-${uploads.size}`;
  uploads.set(upload, { file, address: URL.createObjectURL(file) });
  return { upload };
}

// The address of a query's picture.
export function source(query) {
  if (query.upload) return uploaded(query)?.address ?? "data:,";
  return `api/images/${encodeURIComponent(query.id)}/picture`;
}

function addressOf(some) {
  const kept = new URLSearchParams();
  for (const [name, value] of some) if (value !== "" && value !== DEFAULTS[name]) kept.append(name, value);
  const text = kept.toString();
  return text ? `?${text}` : location.pathname;
}

export function addressFor(query) {
  const all = parameters();
  for (const name of ["image_id", "text", "upload"]) all.delete(name);
  if (query.id) all.set("image_id", query.id);
  else if (query.text) all.set("text", query.text);
  else all.set("upload", "1");
  return addressOf(all);
}

// Show another query; the current one joins the trail.
export function ask(query, trail) {
  if (!trail) {
    const before = current();
    trail = before ? [...earlier(), before].slice(-TRAIL) : earlier();
  }
  history.pushState({ trail, upload: query.upload }, "", addressFor(query));
  changed();
}

// Ask the same with other parameters.
export function refine(others) {
  history.pushState(history.state, "", addressOf(others));
  changed();
}

// A link to a query, which a click follows without loading the page again.
export function link(query, properties, trail) {
  const anchor = make("a", { href: addressFor(query), ...properties });
  anchor.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    ask(query, trail);
  });
  return anchor;
}

// Airflow shows this page in a frame. At a reload it gives the frame what its own address holds after the plugin's name,
// but it hears only of pages that are loaded: tell it of each query.
function tellAirflow() {
  if (parent === window) return;
  const place = IN_AIRFLOW.exec(parent.location.pathname);
  if (place) parent.history.replaceState(parent.history.state, "", place[1] + location.pathname + location.search);
}

function changed() {
  tellAirflow();
  dispatchEvent(new Event("query"));
}

addEventListener("popstate", changed);
