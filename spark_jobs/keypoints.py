"""images -> keypoints of queries and gallery, where local features are wanted"""

import functools
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import functions as F

from kindred.data import images
from kindred.runtime import arrow, job, partitioning, tables, variants
from kindred.runtime.stage import Stage

COLUMNS = tables.table("keypoints").columns


def main(s: Stage, *, local_features: str) -> str:
    s.facts = {"local_features": local_features}
    if local_features == variants.NONE:
        s.write_rows("keypoints", arrow.schema("keypoints").empty_table())
        return "no local features are wanted"
    wanted = s.read("images").where(F.col("split").isin(*tables.MATCHED)).select("image_id", "split", "content")
    count = wanted.count()
    spread = wanted.repartition(partitioning.tasks(s.spark, count), "image_id")
    found = s.write("keypoints", spread.mapInArrow(functools.partial(_found, local_features), COLUMNS), of=count)
    sizes = found.agg(F.avg(F.length("keypoints")), F.max(F.length("keypoints"))).first()
    s.figures = {"keypoints/images": count, "keypoints/mean_bytes": sizes[0], "keypoints/max_bytes": sizes[1]}
    return f"{local_features} in {count:,} images, {sizes[0] / 1000:,.1f} kB each"


def _found(name: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    local_features = variants.load("local_features", name)
    for batch in batches:
        contents = batch.column("content").to_pylist()
        found = [local_features.keypoints(images.decode(content)).to_bytes() for content in contents]
        columns = [batch.column("image_id"), batch.column("split"), pa.array(found, pa.binary())]
        yield pa.RecordBatch.from_arrays(columns, ["image_id", "split", "keypoints"])


if __name__ == "__main__":
    job.run(main)
