"""clusterings -> the best of them, its prototypes, and names for its clusters; the labels of a few images

This is the stage choose_labels of a run without labels: what names the clusters are its given labels.
"""

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.features import neighbours
from kindred.learning import cluster_choice, cluster_naming, given_labels, networks, prototypes, pseudo_labels
from kindred.learning.cluster_naming import Named
from kindred.learning.networks import Network
from kindred.learning.pseudo_label_types import Pool
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import arrow, cpu, file_names, job, make_command, runs, stages, tables
from kindred.runtime.stage import Stage

PILE, TEST = ds.field("split").isin(tables.LEARNED_FROM), ds.field("split") == tables.TEST


def main(
    s: Stage,
    *,
    clusterers: list[str],
    cluster_seeds: int,
    cluster_names: dict[str, str] | None,
    name_clusters_by: str,
    labels_per_cluster: int,
) -> str:
    ids, features = s.matrix("features", "features", PILE)
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    names = stages.clusterings(clusterers, cluster_seeds)
    found = {name: SavedClustering.from_bytes(s.file(f"cluster/{name}", file_names.CLUSTERING)) for name in names}
    collapsed = [name for name in found if s.facts_of(f"cluster/{name}")["collapsed"]]
    chosen, values = cluster_choice.choose(pool, {name: one.cluster for name, one in found.items()}, collapsed)
    if len(found) > 1:
        s.say(f"takes {chosen}, by {', '.join(f'{name} {value:.3f}' for name, value in values.items())}")
    clustering, network = found[chosen], networks.from_bytes(s.file(f"cluster/{chosen}", file_names.NETWORK))
    k = len(clustering.centroids)
    nearest = prototypes.by_distance(clustering.cluster, clustering.distance, k)
    named = _named(s, ids, nearest, cluster_names, name_clusters_by, labels_per_cluster)
    for number, labels in named.mixed(clustering.cluster).items():
        s.say(f"cluster {number + 1} holds images named {', '.join(labels)}: it may be several classes")
    given_labels.check_classes(Counter(named.labels), sorted(set(named.labels)))
    probabilities = pseudo_labels.base_probabilities(network, features)
    _write_labels(s, ids, named)
    _write_clusters(s, found, chosen, ids, probabilities, network)
    _write_prototypes(s, ids, clustering, nearest, probabilities)
    known = s.facts_of("ingest")["classes"]
    s.facts = {
        "classes": sorted(set(named.names) | (set(known) if set(named.labels) <= set(known) else set())),
        "names": named.names,
        "clustering": chosen,
        "criterion": values,
    }
    s.figures = {
        "choose_labels/labels": len(named.rows),
        "choose_labels/clusters": k,
        **{f"clusters/{name}/criterion": float(value) for name, value in values.items()},
    }
    if cluster_naming.are_numbers(named.names):
        s.facts["command"] = _command(s)
        s.say("clusters have numbers for names; look at them in the report, then name them:")
        s.say(s.facts["command"])
    return f"{k} clusters by {chosen}: {', '.join(_shown(named, clustering))}"


def _named(
    s: Stage, ids: np.ndarray, nearest: list[np.ndarray], names: dict[str, str] | None, by: str, labels_per_cluster: int
) -> Named:
    """The clusters' names: from the form, else from the labels of the dataset's training images, else by number."""
    if names:
        return cluster_naming.by_people(cluster_naming.parse(names, len(nearest)), nearest)
    known = arrow.by_id(s.rows("truth")) if by == cluster_naming.LABELS else {}
    labels = {row: known[image_id] for row, image_id in enumerate(ids) if image_id in known}
    if len(set(labels.values())) > 1:
        return cluster_naming.by_labels(labels, nearest, labels_per_cluster)
    if labels:
        s.say(f"all labels are {labels.popitem()[1]!r}, which tell no clusters apart: they are named by number")
    return cluster_naming.by_people({}, nearest)


def _write_labels(s: Stage, ids: np.ndarray, named: Named) -> None:
    count = len(named.rows)
    columns = {"image_id": ids[named.rows], "label": named.labels, "confidence": np.ones(count)}
    s.write_rows("labels", pa.table({**columns, "source": ["given"] * count}))


def _write_clusters(
    s: Stage,
    found: dict[str, SavedClustering],
    chosen: str,
    ids: np.ndarray,
    probabilities: np.ndarray,
    network: Network,
) -> None:
    """The clusters of all images: of the chosen clustering with probabilities, and of the test images too."""
    split = arrow.by_id(s.rows("features", ["image_id", "split"], PILE), "split")
    splits = [split[image_id] for image_id in ids]
    parts = [_rows(ids, splits, chosen, found[chosen].cluster, probabilities)]
    if s.figures_of("ingest")["ingest/test"]:
        test_ids, features = s.matrix("features", "features", TEST)
        of_test = pseudo_labels.base_probabilities(network, features)
        parts.append(_rows(test_ids, [tables.TEST] * len(test_ids), chosen, of_test.argmax(axis=1), of_test))
    parts += [_rows(ids, splits, name, one.cluster, None) for name, one in found.items() if name != chosen]
    s.write_rows("clusters", pa.concat_tables(parts))
    sizes = [
        (*stages.clusterer_and_try(name), number, int(size))
        for name, one in found.items()
        for number, size in enumerate(np.bincount(one.cluster))
    ]
    columns = [pa.array(column) for column in zip(*sizes, strict=True)]
    s.write_rows("cluster_sizes", pa.table(columns, ["method", "seed", "cluster", "images"]))


def _rows(
    ids: np.ndarray, splits: list[str], name: str, clusters: np.ndarray, probabilities: np.ndarray | None
) -> pa.Table:
    method, number = stages.clusterer_and_try(name)
    count = len(ids)
    of_each = pa.nulls(count, pa.list_(pa.float32())) if probabilities is None else arrow.lists(probabilities)
    return pa.table(
        {
            "image_id": ids,
            "split": splits,
            "method": [method] * count,
            "seed": np.full(count, number, np.int32),
            "cluster": clusters.astype(np.int32),
            "probabilities": of_each,
        }
    )


def _write_prototypes(
    s: Stage, ids: np.ndarray, clustering: SavedClustering, nearest: list[np.ndarray], probabilities: np.ndarray
) -> None:
    rows = []
    borders = prototypes.border(clustering.cluster, probabilities, len(nearest))
    counts = (prototypes.CENTRAL_IMAGES, prototypes.BORDER_IMAGES)
    for kind, members, count in zip(prototypes.KINDS, (nearest, borders), counts, strict=True):
        for number, of_cluster in enumerate(members):
            rows += [(number, rank, ids[row], kind) for rank, row in enumerate(of_cluster[:count], 1)]
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    s.write_rows("prototypes", pa.table(columns, ["cluster", "rank", "image_id", "kind"]))


def _shown(named: Named, clustering: SavedClustering) -> list[str]:
    sizes = np.bincount(clustering.cluster)
    return [f"{name} ({size:,})" for name, size in zip(named.names, sizes, strict=True)]


def _command(s: Stage) -> str:
    """What gives the clusters of this run names."""
    record = runs.record_of(s.run) or {}
    chosen = {name: value for name, value in s.params().items() if value != record.get("defaults", {}).get(name)}
    conf = json.dumps({**chosen, "cluster_names": {"1": "cat", "2": "dog"}})
    return make_command.text("run", DAG=stages.UNSUPERVISED, RUN_ID=s.run.rsplit("/", 1)[1], CONF=conf)


if __name__ == "__main__":
    job.run(main)
