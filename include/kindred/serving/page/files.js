// Which file an image is: its name, its path to copy, the original to open, and a larger view of it.
import { make } from "./dom.js";

const TAIL = 8; // characters of a name that are always seen: its number and its ending
const LARGE = 1024; // px
const SECONDS = 2; // for which a button says what it did

// A file's name, shortened in its middle where there is no room; the whole address is its title.
export function fileName(image) {
  const cut = Math.max(0, image.name.length - TAIL);
  return make("span", { className: "name", title: image.origin ?? image.name },
    make("span", {}, image.name.slice(0, cut)), make("span", {}, image.name.slice(cut)));
}

// What people do with a file: none where it is not known.
export function fileActions(image) {
  const actions = image.origin ? [copyButton(image.origin)] : [];
  if (image.original) actions.push(originalLink(image));
  return actions;
}

function originalLink(image) {
  const href = `api/images/${encodeURIComponent(image.image_id)}/original`;
  const anchor = make("a", { href, target: "_blank", rel: "noopener", className: "button small original", textContent: "Open original" });
  anchor.title = `${image.origin} (opens in a new tab)`;
  anchor.addEventListener("click", openOutside);
  return anchor;
}

// Airflow's frame may not open a tab, but the page around it may: let that page follow the same link.
function openOutside(event) {
  if (parent === window) return;
  event.preventDefault();
  const { href, target, rel } = event.currentTarget;
  Object.assign(parent.document.createElement("a"), { href, target, rel }).click();
}

function copyButton(path) {
  const button = make("button", { type: "button", className: "small copy", textContent: "Copy path", title: path, ariaLive: "polite" });
  button.addEventListener("click", async () => {
    button.textContent = (await copied(path, button)) ? "Copied" : "The browser refuses";
    setTimeout(() => { button.textContent = "Copy path"; }, 1000 * SECONDS);
  });
  return button;
}

async function copied(text, button) {
  try {
    if (navigator.clipboard) return await navigator.clipboard.writeText(text).then(() => true);
  } catch (error) {
    if (error.name !== "NotAllowedError") throw error;
  }
  return copiedBySelection(text, button);
}

// The way without permission, where the page comes by plain HTTP. Beside the button: outside an open dialog nothing can be
// selected.
function copiedBySelection(text, button) {
  const field = make("textarea", { value: text, readOnly: true, className: "unseen" });
  button.after(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  button.focus();
  return done;
}

// Replace a picture by a larger view of its original. Where that is not there any more, `note` says so.
export async function enlarge(picture, image, note) {
  const answer = await fetch(`api/images/${encodeURIComponent(image.image_id)}/picture?px=${LARGE}`);
  if (!answer.ok) {
    const { error } = await answer.json();
    note.textContent = `Shown is the small picture of the index: ${error}`;
    return;
  }
  const address = URL.createObjectURL(await answer.blob());
  picture.addEventListener("load", () => URL.revokeObjectURL(address), { once: true });
  picture.src = address;
}
