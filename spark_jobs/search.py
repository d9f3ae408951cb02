"""images of a split (the queries), index -> neighbours: for galleries that outgrow one machine"""

from kindred import bundle, indexing, search, stage


def main(s: stage.Stage, *, split: str, distance: str, k: int, farthest: bool) -> str:
    keys = ["image_id", "split"]
    queries = s.read("features").where(f"split = '{split}'").join(s.read("predictions_final"), keys, how="inner")
    folder = s.facts_of(search.STAGE)["folder"]
    shards = s.read("index").where(f"part = '{bundle.VECTORS}'")
    found = indexing.search_shards(queries, shards, folder, k, distance, farthest)
    count = s.write("neighbours", found).count()
    return f"{count:,} neighbours"


if __name__ == "__main__":
    stage.run(main)
