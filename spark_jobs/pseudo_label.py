"""features of unlabelled images, the base model and its folds -> pseudo_labels: one round, none replaces a
given label
"""

from kindred import networks, pseudo, stage, train, variants


def main(s: stage.Stage, *, labeller: str, threshold: float) -> str:
    module = variants.load("labeller", labeller)
    given = s.read("labels").select("image_id")
    unlabelled = s.read("features").where("split in ('train', 'unlabeled')").dropDuplicates(["image_id"])
    unlabelled = unlabelled.join(given, "image_id", how="left_anti")
    count = unlabelled.count()
    if not count:
        s.say("no unlabelled image: there is nothing to label")
    folds = [*range(int(s.figures_of("train_base")["base/cv/folds"])), train.ALL]
    base = {fold: networks.from_bytes(s.file("train_base", train.file_name(fold))) for fold in folds}
    scores = pseudo.scores(unlabelled, base, s.facts_of("ingest")["classes"])
    accepted = module.accept(scores, threshold).persist()
    written = s.write("pseudo_labels", accepted.where(f"fold = {train.ALL}").drop("fold"), of=count or None)
    s.write("pseudo_labels_by_fold", accepted.where(f"fold != {train.ALL}"))
    found = written.count()
    coverage = found / count if count else 0.0
    s.figures = {"pseudo/unlabelled": count, "pseudo/count": found, "pseudo/coverage": coverage}
    return f"{found:,} of {count:,} unlabelled images ({coverage:.1%}) at threshold {threshold:g}"


if __name__ == "__main__":
    stage.run(main)
