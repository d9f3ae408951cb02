"""Pictures that no run has seen, matched with the gallery of a finished run of image matching, as its queries were."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from kindred.features.featurize import Extractor
from kindred.learning import embeddings, networks
from kindred.learning.networks import Network
from kindred.runtime import cpu, file_names, stages, tables, variants
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.search import keypoint_store, matching
from kindred.search.reranking import Gallery, Query


@dataclass(frozen=True)
class Matcher:
    """The gallery of a run, its ids, and what makes a query of a picture."""

    extractor: Extractor
    session: Any  # of the extractor's graph; None where it has none
    network: Network
    local_features: str
    reranker: str
    ids: np.ndarray
    gallery: Gallery

    def query(self, pixels: np.ndarray) -> Query:
        """A picture, uint8 [h, w, c], as a query."""
        features = self.extractor.features([pixels], cpu.cores(), self.session)
        vector = embeddings.embed(self.network, features)[0]
        if self.local_features == variants.NONE:
            return Query(vector)
        return Query(vector, variants.load("local_features", self.local_features).keypoints(pixels))

    def matches(self, queries: Sequence[Query], count: int) -> Iterator[list[dict[str, Any]]]:
        """The first matches of each query, as `matching.matches` gives them."""
        rerank = variants.load("reranker", self.reranker).rerank
        found = matching.match(queries, self.gallery, rerank, cpu.cores())
        for query, matched in zip(queries, found, strict=True):
            yield matching.matches(self.ids, self.gallery, query.vector, matched.reranked, count)


@contextlib.contextmanager
def matcher(reader: RunReader) -> Iterator[Matcher]:
    """That of a finished run. Raises InputError for a run of another pipeline."""
    if not reader.finished(stages.MATCH):
        raise InputError(f"{reader.run.rsplit('/', 1)[1]} has matched nothing; a run of DAG={stages.MATCHING} has")
    extractor = Extractor.from_facts(reader.facts_of(stages.FEATURIZE))
    session = None
    if extractor.graph:
        session = extractor.session(reader.file(stages.FEATURIZE, file_names.EXTRACTOR), cpu.cores())
    network = networks.from_bytes(reader.file(stages.EMBED, file_names.NETWORK))
    local_features = reader.facts_of(stages.KEYPOINTS)["local_features"]
    ids, vectors = reader.matrix("embedded", "features", ds.field("split") == tables.GALLERY)
    with keypoint_store.of_split(reader, tables.GALLERY) as store:
        gallery = matching.with_groups(matching.gallery_of(ids, vectors, store), ids, reader)
        reranker = reader.arguments_of(stages.MATCH)["reranker"]
        yield Matcher(extractor, session, network, local_features, reranker, ids, gallery)
