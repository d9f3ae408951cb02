"""What people search in: a run's gallery, its test images, their pictures, and the model for new pictures.

All of it lies in the folder of the stage `build_index`. Needs neither Spark nor TensorFlow.
"""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kindred.data import images
from kindred.features import onnx_graphs, text_encoder
from kindred.features.featurize import Extractor
from kindred.features.text_encoder import TextEncoder, Words
from kindred.learning import networks
from kindred.learning.networks import Network
from kindred.runtime import file_checks, file_names, stages, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.search import image_index, index_files, pictures
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.pictures import Pictures
from kindred.search.shards import Images

VECTORS, QUERIES, PICTURES = PARTS = ("vectors", "queries", "pictures")
MODEL_FILES = (
    *(file_names.NETWORK, file_names.DESCRIPTION, file_names.EXTRACTOR),
    *(file_names.TEXT_ENCODER, file_names.TOKENIZER),
)
TEXT_DISTANCE = "cosine"  # the one that encoders of images and texts are trained for


@dataclass(frozen=True)
class Model:
    """The final model of a run, with what comes before it: encoded file -> features, probabilities and, where the
    extractor has them, regions.
    """

    extractor: Extractor
    network: Network
    session: Any = None  # of the extractor's graph, where there is one

    @property
    def has_regions(self) -> bool:
        return self.session is not None and onnx_graphs.REGIONS in [o.name for o in self.session.get_outputs()]

    def as_query(self, pixels: np.ndarray) -> Images:
        """A picture, uint8 [h, w, c], as a query: its features and probabilities, made as the gallery's were, and the
        id of its pixels.
        """
        features = self.extractor.features([pixels], session=self.session)
        probabilities = self.network.probabilities(features).astype(np.float32)
        return Images(features, probabilities, [images.image_id(pixels)])

    def regions(self, pixels: np.ndarray) -> np.ndarray:
        """The features of each region [rows, columns, d] of a picture; their mean is the picture's features."""
        return self.extractor.output(onnx_graphs.REGIONS, [pixels], self.session)[0]


@dataclass(frozen=True, eq=False)
class Bundle:
    """`name` says which run it is of. `queries` are the test images; `text_encoder` makes queries of words, where the
    extractor has one.
    """

    name: str
    gallery: Index
    queries: Index
    pictures: Pictures
    model: Model
    text_encoder: TextEncoder | None = None
    _ids: dict[tuple[str, str | None], list[str]] = field(default_factory=dict, init=False)

    def image(self, image_id: str) -> Images:
        """An image of the gallery or among the test images, with its split and dataset. Raises InputError for any
        other.
        """
        known = self.find(image_id)
        if known is None:
            raise InputError(f"no image {image_id[:80]!r} in the gallery or among the test images of {self.name}")
        return known

    def find(self, image_id: str) -> Images | None:
        """The same, or None for any other."""
        for index in (self.queries, self.gallery):
            if index.gallery.find_rows([image_id])[0] >= 0:
                return index.images([image_id])
        return None

    def query(self, pixels: np.ndarray) -> Images:
        """A picture, uint8 [h, w, c], as a query. Of one that is an image of the run it is known which one."""
        query = self.model.as_query(pixels)
        known = self.find(query.names("ids")[0])
        return query if known is None else replace(known, features=query.features, probabilities=query.probabilities)

    def words(self, text: str, distance: str) -> Words:
        """A text as a query by the distance of this name: its features, as the gallery's are. Raises InputError where
        words cannot be searched by.
        """
        if self.text_encoder is None:
            raise InputError(
                f"{self.name} cannot be searched by words: its extractor {self.model.extractor.name} has no text "
                "encoder; a run with the extractor onnx has one where text_model.onnx and tokenizer.json lie beside "
                "its weights"
            )
        if distance != TEXT_DISTANCE:
            raise InputError(f"words are compared by the distance {TEXT_DISTANCE}, not {distance}")
        return self.text_encoder.encode(text)

    def ids(self, part: str, name: str | None = None, origin: str | None = None) -> list[str]:
        """The ids of all images of a part (QUERIES or VECTORS), or of those of one class by the final model or with a
        text in their origin, in order; without such a text kept, as a page lists them again and again.
        """
        index = self.queries if part == QUERIES else self.gallery
        if origin is not None:
            return index.ids(Filter(classes=None if name is None else [name], origin=origin))
        if (part, name) not in self._ids:
            self._ids[part, name] = index.ids(None if name is None else Filter(classes=[name]))
        return self._ids[part, name]

    @functools.cached_property
    def labelled(self) -> int:
        """How many images of the gallery have a given label."""
        return len(self.gallery.ids(Filter(labelled=True)))

    @functools.cached_property
    def splits(self) -> list[str]:
        """The different splits of the gallery's images."""
        return self._named("splits")

    @functools.cached_property
    def datasets(self) -> list[str]:
        """The different datasets of the gallery's images."""
        return self._named("datasets")

    def _named(self, column: str) -> list[str]:
        parts = [np.unique(shard[column]) for shard in self.gallery.gallery.shards]
        return sorted({text.decode() for part in parts for text in part})


def open_folder(folder: Path, name: str, checksums: Mapping[str, Checksum] | None = None) -> Bundle:
    """The bundle in a local folder. `checksums` are those of the model's files, by name, where they are known. Raises
    InputError where there is no bundle, or a damaged one.
    """
    model = _open_model(folder, checksums or {})
    gallery, queries = (image_index.open_folder(storage.uri(str(folder / part))) for part in (VECTORS, QUERIES))
    encoder = _open_text_encoder(folder, checksums or {}) if gallery.about.get("text_encoder") else None
    return Bundle(name, gallery, queries, pictures.open_folder(folder / PICTURES), model, encoder)


def _read(folder: Path, name: str, checksums: Mapping[str, Checksum]) -> tuple[bytes, str]:
    """The content and the URI of one of the files beside the parts."""
    uri = storage.uri(str(folder / name))
    return file_checks.read(uri, checksums.get(name)), uri


def _open_text_encoder(folder: Path, checksums: Mapping[str, Checksum]) -> TextEncoder:
    words, uri = _read(folder, file_names.TOKENIZER, checksums)
    with file_checks.parsing(uri):
        tokenizer = text_encoder.tokenizer(words)
    graph, uri = _read(folder, file_names.TEXT_ENCODER, checksums)
    with file_checks.parsing(uri):
        return TextEncoder(tokenizer, onnx_graphs.session(graph, cores()))


def _open_model(folder: Path, checksums: Mapping[str, Checksum]) -> Model:
    description, uri = _read(folder, file_names.DESCRIPTION, checksums)
    with file_checks.parsing(uri):
        extractor, session = Extractor.from_facts(json.loads(description)["extractor"]), None
    if extractor.graph:
        graph, uri = _read(folder, file_names.EXTRACTOR, checksums)
        with file_checks.parsing(uri):
            session = extractor.session(onnx_graphs.with_regions(graph) or graph, cores(), images=1)
    network, uri = _read(folder, file_names.NETWORK, checksums)
    with file_checks.parsing(uri):
        return Model(extractor, networks.from_bytes(network), session)


def folder_of(run: str) -> str:
    """The URI of the folder with the bundle of a finished run. Raises InputError where it is not whole, or is of
    other features than the run's.
    """
    image_index.check_run(run)
    return str(RunReader(run, "serve").mark_of(stages.BUILD_INDEX)["folder"])


def model_checksums(run: str) -> dict[str, Checksum]:
    """Of the model's files in the bundle of a finished run, by name; none of an older run's."""
    return RunReader(run, "serve").checksums_of(stages.BUILD_INDEX)


def checksums_of(run: str) -> dict[str, Checksum]:
    """Of all files of the bundle of a finished run, as they were when they were written; none of an older run's."""
    listed = model_checksums(run)
    for part in PARTS:
        place = storage.join(folder_of(run), part)
        about = file_checks.read_sealed(storage.join(place, file_names.ABOUT))
        if about is None:
            raise file_checks.damaged(storage.join(place, file_names.ABOUT), file_checks.MISSING)
        listed |= {f"{part}/{name}": checksum for name, checksum in index_files.checksums(place, about).items()}
    return listed


def files(folder: str) -> list[str]:
    """The names of a bundle's files, inside its folder with this URI."""
    fs, inside = storage.filesystem(folder)
    names = [path[len(inside.rstrip("/")) + 1 :] for path in fs.find(inside)]
    return sorted(n for n in names if n in MODEL_FILES or n.split("/")[0] in PARTS and not Path(n).name.startswith("."))
