"""truth -> labels: the few that this run is given; every other known label stays hidden until evaluate"""

from kindred import labels as given
from kindred import stage
from kindred.errors import InputError


def main(
    s: stage.Stage,
    *,
    labels_per_class: int | None,
    labels: int | None,
    label_choice: str,
    stratified: bool,
    seed: int,
) -> str:
    if label_choice not in given.LABEL_CHOICES:
        raise InputError(f"unknown label_choice {label_choice!r}; known: {', '.join(given.LABEL_CHOICES)}")
    train = s.read("images").where("split = 'train'").select("image_id")
    known = train.join(s.read("truth"), "image_id", how="inner")
    counts = dict(known.groupBy("label").count().collect())
    given.check_classes(counts, s.facts_of("ingest")["classes"])
    allotted = given.allot(counts, labels_per_class, labels, s.say)
    anywhere = not stratified and labels is not None
    chosen = given.choose_anywhere(known, labels, seed) if anywhere else given.choose(known, allotted, seed)
    written = dict(s.write("labels", chosen).groupBy("label").count().collect())
    given.check_classes(written, s.facts_of("ingest")["classes"])
    total = sum(written.values())
    s.figures = {"choose_labels/labels": total, "choose_labels/smallest_class": min(written.values())}
    return f"{total:,} labels of {sum(counts.values()):,} known, {min(written.values())} in the smallest class"


if __name__ == "__main__":
    stage.run(main)
