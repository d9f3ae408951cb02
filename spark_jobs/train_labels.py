"""truth -> labels: those of all training images; the labels of queries and gallery stay hidden until they are scored"""

import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.learning import given_labels
from kindred.runtime import job, tables
from kindred.runtime.stage import Stage


def main(s: Stage) -> str:
    train = s.rows("images", ["image_id"], ds.field("split") == tables.TRAIN)["image_id"].unique()
    known = s.rows("truth").filter(pc.field("image_id").isin(train))
    s.write_rows("labels", given_labels.rows_of(known, known["image_id"].to_numpy()))
    counts = [one["counts"] for one in pc.value_counts(known["label"]).to_pylist()]
    s.facts = {"images_per_class": counts}
    s.figures = {"choose_labels/labels": len(known), "choose_labels/classes": len(counts)}
    return f"{len(known):,} labels of training images, of {len(counts):,} classes"


if __name__ == "__main__":
    job.run(main)
