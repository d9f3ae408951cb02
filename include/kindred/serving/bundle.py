"""What people search in: a run's gallery, its test images, their pictures, and the model for new pictures. Of a run of
image matching the queries, their keypoints and the gallery's, and the network that embeds new pictures.

All of it lies in the folder of the stage `build_index`. Needs neither Spark nor TensorFlow.
"""

import functools
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kindred.data import images
from kindred.features import onnx_graphs, text_encoder
from kindred.features.featurize import Extractor
from kindred.features.keypoints import Keypoints
from kindred.features.text_encoder import TextEncoder, Words
from kindred.learning import embeddings, memory_needs, networks
from kindred.learning.networks import Network
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.runtime import file_checks, file_names, stages, storage, variants
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.variants import AUTO, EXACT
from kindred.search import file_shards, image_index, index_files, reranked_search
from kindred.search.answers import Answer
from kindred.search.file_shards import FileShards
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.reranked_search import LocalFeatures, RerankedSearch
from kindred.search.shards import Images

VECTORS, QUERIES, PICTURES, KEYPOINTS = PARTS = ("vectors", "queries", "pictures", "keypoints")
MODEL_FILES = (
    *(file_names.NETWORK, file_names.DESCRIPTION, file_names.EXTRACTOR),
    *(file_names.TEXT_ENCODER, file_names.TOKENIZER, file_names.GROUPS),
)
COSINE = "cosine"  # the distance that encoders of images and texts are trained for, and that re-rankers begin with
MATCHING = "matching"  # in `about.json` of the gallery: how a run of image matching searches


@dataclass(frozen=True)
class Model:
    """The final model of a run, with what comes before it: encoded file -> features, probabilities and, where the
    extractor has them, regions. One that `embeds`, of image matching, gives the vectors of its network as features, and
    knows no classes.
    """

    extractor: Extractor
    network: Network | PixelEncoder
    session: Any = None  # of the extractor's graph, where there is one
    embeds: bool = False

    @property
    def has_regions(self) -> bool:
        return (
            not self.embeds
            and self.session is not None
            and onnx_graphs.REGIONS in [o.name for o in self.session.get_outputs()]
        )

    def as_query(self, pixels: np.ndarray) -> Images:
        """A picture, uint8 [h, w, c], as a query: its features and probabilities, made as the gallery's were, and the
        id of its pixels.
        """
        features = self.extractor.features([pixels], session=self.session)
        if self.embeds:
            vectors = embeddings.embed(self.network, features)
            return Images(vectors, np.empty((1, 0), np.float32), [images.image_id(pixels)])
        assert isinstance(self.network, Network)  # what embeds alone may be another
        probabilities = self.network.probabilities(features).astype(np.float32)
        return Images(features, probabilities, [images.image_id(pixels)])

    def regions(self, pixels: np.ndarray) -> np.ndarray:
        """The features of each region [rows, columns, d] of a picture; their mean is the picture's features."""
        return self.extractor.output(onnx_graphs.REGIONS, [pixels], self.session)[0]


class Asked(NamedTuple):
    """What a search is asked for, beside the query, as `Index.search` takes it. `rerank` is a re-ranker, `none`, or
    `auto`: the one that suits the run, where the search is by cosine and exact.
    """

    k: int = 8
    distance: str = COSINE
    itself: bool = False
    mode: str = EXACT
    rerank: str = AUTO


@dataclass(frozen=True, eq=False)
class Bundle:
    """`name` says which run it is of. `queries` are the test images; `text_encoder` makes queries of words, where the
    extractor has one; `local_features` are those of image matching, where the run has looked for some; `since` is the
    time from which the run is served, where it was promoted.
    """

    name: str
    gallery: Index
    queries: Index
    pictures: FileShards
    model: Model
    text_encoder: TextEncoder | None = None
    local_features: LocalFeatures | None = None
    since: str | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _reranked: list[RerankedSearch] = field(default_factory=list, init=False)
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

    @property
    def rerankers(self) -> list[str]:
        """The names of the re-rankers that it can be searched by."""
        names = variants.names("reranker")
        if self.local_features is not None:
            return names
        return [name for name in names if not variants.load("reranker", name).NEEDS_KEYPOINTS]

    @property
    def reranker(self) -> str:
        """The re-ranker of a search that asks for `auto`."""
        return str(self.gallery.about.get(MATCHING, {}).get("reranker", variants.NONE))

    def search(
        self, query: Images, asked: Asked, farthest: bool, where: Filter | None = None, pixels: np.ndarray | None = None
    ) -> Answer:
        """The images that are nearest to one query, or farthest from it; of a new picture the pixels are compared too,
        uint8 [h, w, c]. Raises InputError as `Index.search` does, and for a re-ranker that does not fit the search.
        """
        reranker = self._reranker_of(asked)
        if farthest or reranker == variants.NONE:
            k, distance, itself, mode, _ = asked
            return self.gallery.search(query, k, distance, farthest, where, itself, mode)[0]
        keypoints = None
        if self.local_features is not None and variants.load("reranker", reranker).NEEDS_KEYPOINTS:
            known = self.local_features.of(query.ids[0]) if query.ids else None
            keypoints = self.keypoints(pixels) if known is None and pixels is not None else known
        return self.reranked().search(query, asked.k, reranker, keypoints, where, asked.itself)

    def _reranker_of(self, asked: Asked) -> str:
        fits = asked.distance == COSINE and asked.mode == EXACT
        if asked.rerank == AUTO:
            return self.reranker if fits else variants.NONE
        if asked.rerank not in self.rerankers:
            variants.load("reranker", asked.rerank)  # says what there is
            known = ", ".join(self.rerankers)
            raise InputError(f"{asked.rerank} compares keypoints, and {self.name} has none; known: {known}")
        if asked.rerank != variants.NONE and not fits:
            given = f"not {asked.distance}" if asked.distance != COSINE else f"not {asked.mode}"
            raise InputError(f"{asked.rerank} puts the answers of an exact search by {COSINE} into order, {given}")
        return asked.rerank

    def reranked(self) -> RerankedSearch:
        """The gallery as re-rankers work on it; the first call reads all its vectors. Raises InputError where the
        memory is too small.
        """
        with self._lock:
            if not self._reranked:
                if lacking := memory_needs.matching_shortage(len(self.gallery), self.gallery.about["features"]):
                    raise InputError(lacking)
                self._reranked.append(reranked_search.of_index(self.gallery, self.local_features))
            return self._reranked[0]

    def keypoints(self, pixels: np.ndarray) -> Keypoints | None:
        """Those of a picture, uint8 [h, w, c], found as the gallery's were; None where the gallery has none."""
        if self.local_features is None:
            return None
        found: Keypoints = variants.load("local_features", self.local_features.name).keypoints(pixels)
        return found

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
        if distance != COSINE:
            raise InputError(f"words are compared by the distance {COSINE}, not {distance}")
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
    gallery, queries = (image_index.open_folder(storage.uri(str(folder / part))) for part in (VECTORS, QUERIES))
    model = _open_model(folder, checksums or {}, MATCHING in gallery.about)
    encoder = _open_text_encoder(folder, checksums or {}) if gallery.about.get("text_encoder") else None
    local_features = _open_local_features(folder, checksums or {}, gallery.about)
    pictures = file_shards.open_folder(folder / PICTURES)
    return Bundle(name, gallery, queries, pictures, model, encoder, local_features)


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


def _open_local_features(
    folder: Path, checksums: Mapping[str, Checksum], about: Mapping[str, Any]
) -> LocalFeatures | None:
    name = about.get(MATCHING, {}).get("local_features", variants.NONE)
    if name == variants.NONE:
        return None
    content, uri = _read(folder, file_names.GROUPS, checksums)
    with file_checks.parsing(uri), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        groups = dict(zip(arrays["ids"].tolist(), arrays["groups"].tolist(), strict=True))
    keypoints = file_shards.open_folder(folder / KEYPOINTS)
    return LocalFeatures(name, keypoints, about[MATCHING]["min_inliers"], groups)


def groups_file(groups: Mapping[str, int]) -> bytes:
    """The content of file_names.GROUPS: the group of each image by its id."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, ids=np.array(list(groups), str), groups=np.array(list(groups.values()), int))
    return buffer.getvalue()


def _open_model(folder: Path, checksums: Mapping[str, Checksum], embeds: bool) -> Model:
    description, uri = _read(folder, file_names.DESCRIPTION, checksums)
    with file_checks.parsing(uri):
        extractor, session = Extractor.from_facts(json.loads(description)["extractor"]), None
    if extractor.graph:
        graph, uri = _read(folder, file_names.EXTRACTOR, checksums)
        with file_checks.parsing(uri):
            session = extractor.session(onnx_graphs.with_regions(graph) or graph, cores(), images=1)
    network, uri = _read(folder, file_names.NETWORK, checksums)
    with file_checks.parsing(uri):
        learned = embeddings.from_bytes(network) if embeds else networks.from_bytes(network)
        return Model(extractor, learned, session, embeds)


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
        if about is None and part == KEYPOINTS:  # most runs have none
            continue
        if about is None:
            raise file_checks.damaged(storage.join(place, file_names.ABOUT), file_checks.MISSING)
        listed |= {f"{part}/{name}": checksum for name, checksum in index_files.checksums(place, about).items()}
    return listed


def files(folder: str) -> list[str]:
    """The names of a bundle's files, inside its folder with this URI."""
    fs, inside = storage.filesystem(folder)
    names = [path[len(inside.rstrip("/")) + 1 :] for path in fs.find(inside)]
    return sorted(n for n in names if n in MODEL_FILES or n.split("/")[0] in PARTS and not Path(n).name.startswith("."))
