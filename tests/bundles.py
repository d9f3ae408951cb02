"""A small run's search, as the stage `build_index` leaves it, without Spark."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import helper

import onnx_samples
import turned_pictures
from kindred.data import images
from kindred.features import onnx_graphs, text_files
from kindred.features.featurize import Extractor
from kindred.features.local_features import sift
from kindred.features.text_files import TextTower
from kindred.learning import embeddings, networks
from kindred.learning.networks import Layer, Network
from kindred.runtime import file_names, label_sets, storage
from kindred.runtime.variants import EXACT
from kindred.search import file_shards, image_index
from kindred.search.shards import Images
from kindred.serving import bundle

CLASSES = ["<b>red</b>", "green", "blue & co"]
SIZE = (12, 10)  # px, height and width


def picture(number: int) -> np.ndarray:
    """Pixels, uint8 [12, 10, 3], mostly of the colour of class `number % 3`."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 90, (*SIZE, 3), np.uint8)
    pixels[:, :, number % 3] += 120
    return pixels


def mixed_picture(number: int) -> np.ndarray:
    """Pixels likewise, of the colours of no class to all three: those of the bits of `number % 8`."""
    pixels = np.random.default_rng(number).integers(0, 90, (*SIZE, 3), np.uint8)
    pixels[:, :, mixture(number)] += 120
    return pixels


def mixture(number: int) -> list[int]:
    """The numbers of the classes of a mixed picture."""
    return [bit for bit in range(3) if number >> bit & 1]


def colour_graph() -> bytes:
    """An extractor whose features [n, 3] are the mean colour from 0 to 1: its regions are the pixels."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=1),
        helper.make_node("Div", ["floats", "top"], ["scaled"]),
        helper.make_node("ReduceMean", ["scaled", "sides"], ["features"], keepdims=0),
    ]
    constants = {"top": np.float32(255), "sides": np.array([1, 2], np.int64)}
    return onnx_graphs.extractor_graph(nodes, (*SIZE, 3), ("features", [3]), constants)


def make(
    folder: Path,
    gallery: int = 60,
    queries: int = 6,
    graph: bytes | None = None,
    origins: Mapping[int, str] | None = None,
    given: Collection[int] = (),
    words: bool = False,
    mode: str = EXACT,
    several: bool = False,
) -> Path:
    """The files of a bundle in a folder: pictures 0 to `gallery` in the gallery, those after them as queries; which
    picture has which origin, and which ones a given label, that of their colour. With `words` there is
    a text encoder that knows colours; of the `mode` approximate the gallery can be searched so too. With `several`
    labels an image the pictures are mixed ones.
    """
    graph = graph or colour_graph()
    extractor = Extractor("pixels", *SIZE, 3, "test", file_names.EXTRACTOR)
    session = onnx_graphs.session(graph)
    width = session.get_outputs()[0].shape[1]
    network = Network((Layer(np.eye(width, 3) * 40, np.zeros(3)),))
    if several:
        network = Network((Layer(np.eye(width, 3) * 9, np.full(3, -3.5)),), thresholds=(0.5, 0.5, 0.5))
    pixels_of = mixed_picture if several else picture

    def label_of(number: int) -> str:
        return label_sets.joined(CLASSES[one] for one in mixture(number)) if several else CLASSES[number % 3]

    def images_of(numbers: range, split: str) -> Images:
        pixels = np.stack([pixels_of(number) for number in numbers])
        features = session.run(None, {"images": pixels})[0]
        probabilities = network.probabilities(features).astype(np.float32)
        ids = [images.image_id(one) for one in pixels]
        labels = [label_of(number) if number in given else None for number in numbers]
        known = [(origins or {}).get(number) for number in numbers]
        return Images(features, probabilities, ids, [split] * len(ids), ["colours"] * len(ids), labels, known)

    parts = {bundle.VECTORS: range(gallery), bundle.QUERIES: range(gallery, gallery + queries)}
    tower = text_tower() if words else None
    recorded: dict[str, Any] = {"text_encoder": tower.sha256} if tower else {}
    if network.thresholds is not None:
        recorded["thresholds"] = list(network.thresholds)
    whole = image_index.build(images_of(range(gallery + queries), "any"), CLASSES, mode, **recorded)
    empty = whole.delete(whole.ids())
    for (part, numbers), split in zip(parts.items(), ("unlabeled", "test"), strict=True):
        index = empty.add(images_of(numbers, split)) if numbers else empty
        index.save(storage.uri(str(folder / part)))
    every = [pixels_of(number) for number in range(gallery + queries)]
    put_files(folder / bundle.PICTURES, {images.image_id(pixels): images.encode(pixels) for pixels in every})
    for name, content in {
        file_names.EXTRACTOR: graph,
        file_names.NETWORK: network.to_bytes(),
        file_names.DESCRIPTION: extractor.description(CLASSES, 3, network.thresholds),
        **({file_names.TEXT_ENCODER: tower.encoder, file_names.TOKENIZER: tower.tokenizer} if tower else {}),
    }.items():
        storage.put_bytes(storage.uri(str(folder / name)), content)
    return folder


def seen(thing: int, view: int) -> np.ndarray:
    """A picture of a thing from a side, uint8 [256, 256, 1]: views of one thing fit each other by a homography."""
    picture, _ = turned_pictures.turned(turned_pictures.textured(thing), 8 * view, 1 - 0.04 * view)
    return picture


def seen_id(thing: int, view: int) -> str:
    return images.image_id(seen(thing, view))


def make_matching(folder: Path, things: int = 3, views: int = 3, local_features: str = "sift") -> Path:
    """The files of a bundle of image matching: so many views of each thing in the gallery, one more of each as a query,
    and as a query a thing that the gallery has not. Vectors are the pixels of a picture that is made small.
    """
    extractor = Extractor("pixels", *SIZE, 1, "test", file_names.EXTRACTOR)
    graph = onnx_graphs.scaled_pixels(SIZE, 1)
    session = onnx_graphs.session(graph)
    network = Network(())
    parts = {
        "gallery": [(thing, view) for thing in range(things) for view in range(views)],
        "query": [(thing, views) for thing in range(things + 1)],
    }
    groups = {seen_id(thing, view): thing for thing, view in parts["gallery"]}
    found = {"local_features": local_features, "min_inliers": 8, "reranker": "verified_expansion"}
    recorded = {bundle.MATCHING: found if local_features == "sift" else {**found, "reranker": "k_reciprocal"}}

    def images_of(split: str) -> Images:
        pixels = [seen(*one) for one in parts[split]]
        vectors = embeddings.embed(network, extractor.features(pixels, session=session))
        ids = [images.image_id(one) for one in pixels]
        return Images(vectors, np.empty((len(ids), 0), np.float32), ids, [split] * len(ids), ["views"] * len(ids))

    for part, split in ((bundle.VECTORS, "gallery"), (bundle.QUERIES, "query")):
        image_index.build(images_of(split), [], **recorded).save(storage.uri(str(folder / part)))
    every = {seen_id(*one): seen(*one) for split in parts.values() for one in split}
    put_files(folder / bundle.PICTURES, {image_id: images.encode(pixels) for image_id, pixels in every.items()})
    contents = {
        file_names.EXTRACTOR: graph,
        file_names.NETWORK: network.to_bytes(),
        file_names.DESCRIPTION: extractor.description([], 1),
        file_names.GROUPS: bundle.groups_file(groups),
    }
    if local_features != "none":
        points = {image_id: sift.keypoints(pixels).to_bytes() for image_id, pixels in every.items()}
        put_files(folder / bundle.KEYPOINTS, points)
    for name, content in contents.items():
        storage.put_bytes(storage.uri(str(folder / name)), content)
    return folder


def text_tower() -> TextTower:
    """The text encoder of onnx_samples, as `build_index` finds it beside an image encoder."""
    with tempfile.TemporaryDirectory() as beside:
        image = onnx_samples.saved(onnx_samples.channel_means(), Path(beside), "vision_model.onnx")
        onnx_samples.put_words(Path(beside))
        tower = text_files.read_tower(image, print)
    assert tower is not None
    return tower


def put_pictures(folder: Path, numbers: range, count: int = 2) -> None:
    put_files(folder, {images.image_id(picture(number)): images.encode(picture(number)) for number in numbers}, count)


def put_files(folder: Path, files: Mapping[str, bytes], count: int = 2) -> None:
    checksums = {}
    for shard in range(count):
        own = [image_id for image_id in files if file_shards.shard_of(image_id, count) == shard]
        checksums |= file_shards.write(storage.uri(str(folder)), shard, own, [files[image_id] for image_id in own])
    file_shards.finish(storage.uri(str(folder)), count, list(range(count)), checksums)


def id_of(number: int, several: bool = False) -> str:
    return images.image_id(mixed_picture(number) if several else picture(number))


def network_of(folder: Path) -> Network:
    return networks.from_bytes((folder / file_names.NETWORK).read_bytes())
