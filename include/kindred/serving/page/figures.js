// What the page says of an image, and what its figures mean.
import { make, percent } from "./dom.js";

// Titles and meanings; a distance without them is shown by its name.
const DISTANCES = {
  cosine: ["cosine", "0 is alike, 1 has nothing in common, 2 is the opposite"],
  l2: ["L2", "0 is equal features, without an upper limit"],
  binary_kullback_leibler: ["Kullback-Leibler", "0 is the same to the model, without an upper limit"],
  kullback_leibler: ["Kullback-Leibler", "0 is the same to the model, without an upper limit"],
  probability_l2: ["L2", "0 is the same to the model, 1.41 is the most: it is sure of two different classes"],
};
const KINDS = {
  features: ["similar appearance", "compares what the images look like"],
  probabilities: ["same class", "compares the class probabilities that the model predicts, whatever the images look like"],
};
// Re-rankers: titles and meanings, likewise.
const ORDERS = {
  none: ["by distance", "by distance alone"],
  query_expansion: ["query expansion", "by the distance to the mean of the query and its first images"],
  k_reciprocal: ["shared neighbours", "by distance, and by the neighbours that the query and an image have in common"],
  verified: ["verified", "those of the first 100 images first whose keypoints fit the query's, most inliers first"],
  verified_expansion: ["verified, expanded", "verified images first, then those that are near to their mean and share neighbours with it"],
};
const SPLITS = {
  train: ["training", "images that the dataset has for training, with their labels"],
  unlabeled: ["unlabelled", "images that the dataset has without labels"],
  test: ["test", "images that the model is tested with and never learns from"],
  query: ["query", "images that are looked for in the gallery"],
  gallery: ["gallery", "images to find"],
};

// With several labels an image, as the server joins them.
const SEPARATOR = "|";
export const NONE = "(none)";
const SHOWN_CLASSES = 4; // of an image among others

export const className = (name) => (name === NONE ? "no class" : name);
const listed = (names) => names.join(" · ");

// `thresholds` are there with several labels an image.
export function classesMeaning(thresholds) {
  if (!thresholds) return "the class that the final model predicts, and its probability of that class (the confidence)";
  return "each class that the final model predicts, as its probability is at least the threshold of the class, and this probability";
}

export function confidenceMeaning(thresholds) {
  if (!thresholds) return "The model's probability of the class that it predicts";
  return "The model's probability of the chosen classes; where none is chosen, that all classes of an image are right";
}

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

// The orders that there are; `advised` is the one that is taken where none is chosen.
export function orderOptions(names, advised) {
  const title = (name) => ORDERS[name]?.[0] ?? name;
  const auto = make("option", { value: "auto", textContent: `automatic: ${title(advised)}` });
  return [auto, ...names.map((value) => make("option", { value, textContent: title(value) }))];
}

export const orderMeaning = (name) => ORDERS[name]?.[1] ?? name;

// How far an answer to the mode approximate can be relied on.
export function exactness({ exact, recall, reason }) {
  if (exact) return `Exact: ${reason}.`;
  const found = `Approximate: finds ${percent(recall, 1)} of the most similar images, as measured on images of the gallery`;
  return reason ? `${found}; ${reason}.` : `${found}.`;
}

// Of the distance that is chosen.
export function distanceMeaning(name, kind, thresholds) {
  const own = thresholds && name === "probability_l2" ? "0 is the same to the model" : DISTANCES[name]?.[1];
  const parts = [KINDS[kind]?.[1], own].filter(Boolean);
  return ["the smaller, the more similar", ...parts].join("; ");
}

// Nothing where there is no model. With several labels an image a chip for each class, of `all` or of the first ones.
export function prediction(image, all) {
  if (image.prediction === null) return [];
  if (image.predicted) return [chips(Object.entries(image.predicted), all)];
  const title = `The model says ${image.prediction}, with a probability of ${percent(image.confidence, 1)}`;
  return [make("span", { title }, make("strong", { textContent: image.prediction }), ` ${percent(image.confidence)}`)];
}

function chips(predicted, all) {
  const shown = all ? predicted : predicted.slice(0, SHOWN_CLASSES);
  const title = predicted.map(([name, probability]) => `${name} ${percent(probability, 1)}`).join("\n");
  const made = shown.map(([name, probability]) => make("span", { className: "chip", title: `The model says ${name}, with a probability of ${percent(probability, 1)}` },
    make("strong", { textContent: name }), ` ${percent(probability)}`));
  if (shown.length < predicted.length) made.push(make("span", { className: "chip more", title, textContent: `+${predicted.length - shown.length}` }));
  if (!predicted.length) made.push(make("span", { className: "chip more", title: "The model is sure of no class: no probability is at least its class's threshold", textContent: className(NONE) }));
  return make("span", {}, ...made);
}

// Whether an image shows the same thing as the query; nothing where keypoints were not compared.
export function sameThing(image) {
  if (image.inliers === null || image.inliers === undefined) return [];
  const title = `${image.inliers} keypoints of the query and this image fit one homography: ${image.same ? "they show the same thing" : "too few to be sure that they show the same thing"}`;
  const textContent = `${image.same ? "✓ same thing" : "looks alike"}, ${image.inliers} inliers`;
  return [make("span", { className: image.same ? "given" : "alike", textContent, title })];
}

// The label that the run was given, and whether the model agrees; nothing where there is none. `long` says so in words.
export function givenLabel(image, long) {
  if (image.label === null || image.label === undefined) return [];
  if (image.predicted) return givenLabels(image, long);
  const agrees = image.label === image.prediction;
  const title = `The run was given the label ${image.label}: the model ${agrees ? "agrees" : "disagrees"}`;
  const words = `${image.label}: the model ${agrees ? "agrees" : "disagrees"}`;
  const textContent = `${agrees ? "✓" : "✗"} ${long ? words : `label ${image.label}`}`;
  return [make("span", { className: agrees ? "given" : "given differs", textContent, title })];
}

// The same with several labels an image. Of one that is given without any it is not known which classes it has not.
function givenLabels(image, long) {
  if (image.label === NONE) {
    const title = "The run knows of some classes that they are not on this image, and of none that it is";
    return [make("span", { className: "given", textContent: long ? title : "no label present", title })];
  }
  const labels = image.label.split(SEPARATOR);
  const missing = labels.filter((name) => !(name in image.predicted));
  const answer = missing.length ? `the model does not say ${listed(missing)}` : "the model agrees";
  const textContent = `${missing.length ? "✗" : "✓"} ${long ? `${listed(labels)}: ${answer}` : `${labels.length > 1 ? "labels" : "label"} ${listed(labels)}`}`;
  return [make("span", { className: missing.length ? "given differs" : "given", textContent, title: `The run was given ${listed(labels)}: ${answer}` })];
}

export function brief(image) {
  const predicted = image.prediction === null ? "" : image.predicted ? listed(image.prediction.split(SEPARATOR).map(className)) : `${image.prediction}, ${percent(image.confidence)}`;
  return [image.name, predicted].filter(Boolean).join(": ") || `image ${image.image_id}`;
}
