"""images of a split (the queries), index -> neighbours: for galleries that outgrow one machine"""

from kindred.runtime import job, stages
from kindred.runtime.stage import Stage
from kindred.search import spark_index
from kindred.serving import bundle


def main(s: Stage, *, split: str, distance: str, k: int, farthest: bool) -> str:
    keys = ["image_id", "split"]
    queries = s.read("features").where(f"split = '{split}'").join(s.read("predictions_final"), keys, how="inner")
    queries = queries.join(s.read("images").select(*keys, "origin"), keys, how="inner")
    folder = s.facts_of(stages.BUILD_INDEX)["folder"]
    shards = s.read("index").where(f"part = '{bundle.VECTORS}'")
    neighbours = spark_index.search_shards(queries, shards, folder, k, distance, farthest)
    count = s.write("neighbours", neighbours).count()
    return f"{count:,} neighbours"


if __name__ == "__main__":
    job.run(main)
