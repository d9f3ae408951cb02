"""truth -> labels: the few that this run is given; every other known label stays hidden until evaluate"""

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.data.sources import first
from kindred.features import neighbours
from kindred.learning import given_label_sets, given_labels, memory_needs, representatives
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import cpu, job, label_budget, tables
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage

MORE = "labels_per_class sets another number, label_choice=all gives all"


def main(
    s: Stage,
    *,
    labels_per_class: int | None,
    labels: int | None,
    label_choice: str,
    stratified: bool,
    seed: int,
) -> str:
    dataset = s.facts_of("ingest")["dataset"]["name"]
    budget = label_budget.budget(dataset, label_choice, labels_per_class, labels)
    if s.multi_label():
        return _label_sets(s, budget, label_choice, seed)
    if label_choice == label_budget.REPRESENTATIVES and budget.total is not None:
        return _representatives(s, budget.total, seed)
    known = _known(s)
    counts = dict(Counter(known["label"].to_pylist()))
    given_labels.check_classes(counts, s.facts_of("ingest")["classes"])
    quotas = given_labels.allocate(counts, budget.per_class, budget.total, s.say)
    if stratified or budget.total is None:
        chosen = given_labels.choose_stratified(known, quotas, seed)
    else:
        chosen = given_labels.choose_unstratified(known, budget.total, seed)
    s.write_rows("labels", chosen)
    given = Counter(chosen["label"].to_pylist())
    given_labels.check_classes(given, s.facts_of("ingest")["classes"])
    summary = _summary(s, len(known), given)
    return f"{summary}; {budget} is the default of {budget.default_of}, {MORE}" if budget.default_of else summary


def _representatives(s: Stage, labels: int, seed: int) -> str:
    classes = s.facts_of("ingest")["classes"]
    memory_needs.check(s.figures_of("ingest"), s.figures_of("featurize"), len(classes))
    known = _known(s)
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    s.write_rows("labels", representatives.choose(known, labels, pool, len(classes), seed, s.say))
    written = Counter(s.written("labels", ["label"])["label"].to_pylist())
    if missing := [label for label in classes if label not in written]:
        s.say(f"classes without a given label, which the models cannot predict: {first([*map(repr, missing)])}")
    given_labels.check_classes(written, sorted(written))
    return _summary(s, len(known), written)


def _label_sets(s: Stage, budget: label_budget.Budget, label_choice: str, seed: int) -> str:
    """Of several labels an image: images are chosen, with all that is known of them. A class that none of them has is
    dropped.
    """
    if label_choice == label_budget.REPRESENTATIVES:
        raise InputError(f"label_choice {label_choice} is for one label an image; take random or all")
    known = _known(s)
    chosen = given_label_sets.choose(known, budget.per_class, budget.total, seed, s.say)
    counts = given_label_sets.present_counts(chosen)
    given_label_sets.check(counts, len(chosen["image_id"].unique()))
    classes = s.facts_of("ingest")["classes"]
    if dropped := [label for label in classes if label not in counts]:
        s.say(f"dropped, as no given image has them: {first([*map(repr, dropped)])}")
        s.facts = {"classes": [label for label in classes if label in counts]}
        chosen = chosen.filter(pc.is_in(chosen["label"], pa.array(s.facts["classes"])))
    if everywhere := given_label_sets.never_absent(chosen):
        s.say(f"absent on no given image, so the models find them on every image: {first([*map(repr, everywhere)])}")
    s.write_rows("labels", chosen)
    summary = _summary(s, len(known["image_id"].unique()), counts, len(chosen["image_id"].unique()))
    s.figures["choose_labels/dropped_classes"] = len(dropped)
    return summary


def _known(s: Stage) -> pa.Table:
    """image_id, label and present of the training images."""
    train = s.rows("images", ["image_id"], ds.field("split") == "train")
    return s.rows("truth").filter(pc.field("image_id").isin(train["image_id"]))


def _summary(s: Stage, known: int, written: Mapping[str, int], images_given: int | None = None) -> str:
    """Of how many labels of each class were given; with several an image, on how many images in all."""
    total = sum(written.values()) if images_given is None else images_given
    s.figures = {"choose_labels/labels": total, "choose_labels/smallest_class": min(written.values())}
    images = s.figures_of("ingest")
    others = int(images["ingest/train"] + images["ingest/unlabeled"]) - total
    learn = (
        f"the other {others:,} images are unlabelled and learn by pseudo-labels"
        if others
        else "none is left to pseudo-label"
    )
    what = "known labels" if images_given is None else "images with known labels"
    return f"{total:,} of {known:,} {what} given, {min(written.values())} in the smallest class; {learn}"


if __name__ == "__main__":
    job.run(main)
