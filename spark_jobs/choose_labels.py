"""truth -> labels: the few that this run is given; every other known label stays hidden until evaluate"""

from collections import Counter

import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.learning import given_labels
from kindred.runtime import job, tables
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage


def main(
    s: Stage,
    *,
    labels_per_class: int | None,
    labels: int | None,
    label_choice: str,
    stratified: bool,
    seed: int,
) -> str:
    if label_choice not in given_labels.LABEL_CHOICES:
        raise InputError(f"unknown label_choice {label_choice!r}; known: {', '.join(given_labels.LABEL_CHOICES)}")
    if label_choice == "representatives":
        return _representatives(s, labels_per_class, labels, seed)
    train = s.read("images").where("split = 'train'").select("image_id")
    known = train.join(s.read("truth"), "image_id", how="inner")
    counts = dict(known.groupBy("label").count().collect())
    given_labels.check_classes(counts, s.facts_of("ingest")["classes"])
    quotas = given_labels.allocate(counts, labels_per_class, labels, s.say)
    if stratified or labels is None:
        chosen = given_labels.choose_stratified(known, quotas, seed)
    else:
        chosen = given_labels.choose_unstratified(known, labels, seed)
    s.write("labels", chosen)
    return _summary(s, sum(counts.values()))


def _representatives(s: Stage, labels_per_class: int | None, labels: int | None, seed: int) -> str:
    if labels is None:
        raise InputError("label_choice representatives needs labels, the number in total: one per cluster")
    if labels_per_class is not None:
        raise InputError("label_choice representatives takes labels, the number in total, not labels_per_class")
    train = s.rows("images", ["image_id"], ds.field("split") == "train")
    known = s.rows("truth").filter(pc.field("image_id").isin(train["image_id"]))
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    s.write_rows("labels", given_labels.choose_representatives(known, labels, ids, features, seed))
    return _summary(s, len(known))


def _summary(s: Stage, known: int) -> str:
    written = Counter(s.written("labels", ["label"])["label"].to_pylist())
    given_labels.check_classes(written, s.facts_of("ingest")["classes"])
    total = sum(written.values())
    s.figures = {"choose_labels/labels": total, "choose_labels/smallest_class": min(written.values())}
    return f"{total:,} labels of {known:,} known, {min(written.values())} in the smallest class"


if __name__ == "__main__":
    job.run(main)
