// What the page says of an image, and what its figures mean.
import { make, percent } from "./dom.js";

// Titles and meanings; a distance without them is shown by its name.
const DISTANCES = {
  cosine: ["cosine", "0 is alike, 1 has nothing in common, 2 is the opposite"],
  l2: ["L2", "0 is equal features, without an upper limit"],
  kullback_leibler: ["Kullback-Leibler", "0 is the same to the model, without an upper limit"],
  probability_l2: ["L2", "0 is the same to the model, 1.41 is the most: it is sure of two different classes"],
};
const KINDS = {
  features: ["similar appearance", "compares what the images look like"],
  probabilities: ["same class", "compares the class probabilities that the model predicts, whatever the images look like"],
};
const SPLITS = {
  train: ["training", "images that the dataset has for training, with their labels"],
  unlabeled: ["unlabelled", "images that the dataset has without labels"],
  test: ["test", "images that the model is tested with and never learns from"],
};

export function distanceText(distance) {
  if (distance > 0 && distance < 0.001) return "< 0.001";
  return distance === 0 ? "0" : distance.toPrecision(3);
}
export const splitName = (split) => SPLITS[split]?.[0] ?? split;
export const splitMeaning = (split) => SPLITS[split]?.[1] ?? "";

// The distances that there are, those of one kind of vectors together.
export function distanceOptions(distances) {
  const groups = new Map();
  for (const name of new Set([...Object.keys(DISTANCES), ...Object.keys(distances)])) {
    const kind = distances[name];
    if (!kind) continue;
    if (!groups.has(kind)) groups.set(kind, make("optgroup", { label: KINDS[kind]?.[0] ?? kind }));
    groups.get(kind).append(make("option", { value: name, textContent: `${DISTANCES[name]?.[0] ?? name} of ${kind}` }));
  }
  return [...groups.values()];
}

// How far an answer to the mode approximate can be relied on.
export function exactness({ exact, recall, reason }) {
  if (exact) return `Exact: ${reason}.`;
  const found = `Approximate: finds ${percent(recall, 1)} of the most similar images, as measured on images of the gallery`;
  return reason ? `${found}; ${reason}.` : `${found}.`;
}

// Of the distance that is chosen.
export function distanceMeaning(name, kind) {
  const parts = [KINDS[kind]?.[1], DISTANCES[name]?.[1]].filter(Boolean);
  return ["the smaller, the more similar", ...parts].join("; ");
}

export function prediction(image) {
  const title = `The model says ${image.prediction}, with a probability of ${percent(image.confidence, 1)}`;
  return make("span", { title }, make("strong", { textContent: image.prediction }), ` ${percent(image.confidence)}`);
}

// The label that the run was given, and whether the model agrees; nothing where there is none. `long` says so in words.
export function givenLabel(image, long) {
  if (image.label === null || image.label === undefined) return [];
  const agrees = image.label === image.prediction;
  const title = `The run was given the label ${image.label}: the model ${agrees ? "agrees" : "disagrees"}`;
  const words = `${image.label}: the model ${agrees ? "agrees" : "disagrees"}`;
  const textContent = `${agrees ? "✓" : "✗"} ${long ? words : `label ${image.label}`}`;
  return [make("span", { className: agrees ? "given" : "given differs", textContent, title })];
}

export const brief = (image) => [image.name, `${image.prediction}, ${percent(image.confidence)}`].filter(Boolean).join(": ");
