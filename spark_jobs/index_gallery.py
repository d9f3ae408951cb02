"""embedded queries and gallery, keypoints, groups -> index: the gallery, the queries, their pictures and keypoints, and
what makes a query of a picture
"""

from pyspark.sql import functions as F

from kindred.features.featurize import Extractor
from kindred.runtime import arrow, file_names, job, stages, storage, tables, variants
from kindred.runtime.stage import Stage
from kindred.search import file_shards, index_files, lower_bounds, matching, pictures, spark_index
from kindred.serving import bundle
from kindred.serving.bundle import KEYPOINTS, PICTURES

KEYPOINTS_PER_SHARD = 2048  # of at most 30 kB each, which a worker holds in memory
VECTORS = {tables.GALLERY: bundle.VECTORS, tables.QUERY: bundle.QUERIES}


def main(s: Stage) -> str:
    count = {split: int(s.figures_of(stages.INGEST)[f"ingest/{split}"]) for split in tables.MATCHED}
    dataset = s.facts_of(stages.INGEST)["dataset"]["name"]
    local_features = s.facts_of(stages.KEYPOINTS)["local_features"]
    folder = {part: storage.join(s.folder, part) for part in bundle.PARTS}
    vectors = s.matrix("embedded", "features", spark_index.sample(count[tables.GALLERY], splits=(tables.GALLERY,)))[1]
    bounds = lower_bounds.fit({"features": vectors})

    images = s.read("images").where(F.col("split").isin(*tables.MATCHED))
    shards = {PICTURES: _shards(count, pictures.PER_SHARD), KEYPOINTS: _shards(count, KEYPOINTS_PER_SHARD)}
    rows = spark_index.write_pictures(images, shards[PICTURES], folder[PICTURES])
    if local_features != variants.NONE:
        rows = rows.unionByName(spark_index.write_keypoints(s.read("keypoints"), shards[KEYPOINTS], folder[KEYPOINTS]))
    for split, part in VECTORS.items():
        matched = spark_index.matched(s.read("embedded"), images, split)
        rows = rows.unionByName(spark_index.write(matched, count[split], folder[part], bounds, dataset, {}))
    s.write("index", rows)

    written = spark_index.written(s.written("index", ["part", "shard", "images", "checksums"]), bundle.PARTS)
    about = {"classes": [], "extractor": s.facts_of(stages.FEATURIZE), "built_from": s.inputs.copy()}
    about[bundle.MATCHING] = _matching(s, local_features)
    described = index_files.describe(widths={"features": vectors.shape[1], "probabilities": 0}, **about)
    for part in VECTORS.values():
        index_files.finish(folder[part], described, bounds, written[part].numbers, written[part].checksums, {})
    for part in (PICTURES, KEYPOINTS) if local_features != variants.NONE else (PICTURES,):
        file_shards.finish(folder[part], shards[part], written[part].numbers, written[part].checksums)
    _put_model(s)
    s.put_file(file_names.GROUPS, bundle.groups_file(arrow.by_id(s.rows("groups"), "group")))
    s.facts = {**about, "folder": folder[bundle.VECTORS]}
    indexed = written[bundle.VECTORS]
    s.figures = {"build_index/images": indexed.images, "build_index/shards": len(indexed.numbers)}
    return f"{indexed.images:,} images to search in"


def _shards(count: dict[str, int], size: int) -> int:
    return max(1, -(-sum(count.values()) // size))


def _matching(s: Stage, local_features: str) -> dict[str, object]:
    """How the index is searched."""
    return {
        "local_features": local_features,
        "min_inliers": s.facts_of(stages.GROUPS)["min_inliers"],
        "reranker": matching.reranker_for(s.arguments_of(stages.EMBED)["embedder"], local_features),
    }


def _put_model(s: Stage) -> None:
    """What turns a new picture into a vector, as the gallery's were made."""
    extractor = Extractor.from_facts(s.facts_of(stages.FEATURIZE))
    s.put_file(file_names.NETWORK, s.file(stages.EMBED, file_names.NETWORK))
    s.put_file(file_names.DESCRIPTION, extractor.description([], s.facts_of(stages.INGEST)["channels"]))
    if extractor.graph:
        s.put_file(file_names.EXTRACTOR, s.file(stages.FEATURIZE, file_names.EXTRACTOR))


if __name__ == "__main__":
    job.run(main)
