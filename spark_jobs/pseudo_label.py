"""features of all images, the base model and its folds -> pseudo_labels, refused: none replaces a given label"""

import numpy as np
import pyarrow.dataset as ds

from kindred.features import neighbours
from kindred.learning import cross_validation, networks, pseudo_label_tables, pseudo_labels
from kindred.learning.pseudo_label_types import ALL, Pool, Settings
from kindred.runtime import arrow, cpu, job, runs, storage, tables
from kindred.runtime.stage import Stage


def main(
    s: Stage,
    *,
    labeller: str,
    threshold: float | None,
    class_thresholds: str,
    percentile: float,
    clusters: int | None,
    novelty: bool,
    seed: int,
) -> str:
    classes, size = s.facts_of("ingest")["classes"], s.figures_of("featurize")
    pseudo_labels.check_size(size["featurize/images"], size["featurize/dimensions"])
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    given = pseudo_label_tables.given(s.rows("labels"), s.rows("out_of_fold"), ids, classes)
    unlabelled = np.setdiff1d(np.arange(len(ids)), given.rows)
    if not len(unlabelled):
        s.say("no unlabelled image: there is nothing to label")
        s.figures = {"pseudo/unlabelled": 0, "pseudo/count": 0, "pseudo/coverage": 0.0, "pseudo/novel": 0}
        for table in ("pseudo_labels", "pseudo_labels_by_fold", "refused"):
            s.write_rows(table, arrow.schema(table).empty_table())
        return "no unlabelled image"
    identity = storage.fingerprint(s.inputs["featurize"], storage.file_fingerprint(neighbours.__file__))
    graph = runs.cache_folder("neighbours") / f"{identity}.npz"
    pool = Pool(ids, features, cpu.cores(), graph)
    networks_by_view = {
        v: networks.from_bytes(s.file("train_base", cross_validation.file_name(v))) for v in given.views()
    }
    base = {view: pseudo_labels.probabilities(network, features) for view, network in networks_by_view.items()}
    settings = Settings(threshold, class_thresholds == "adaptive", percentile, clusters, novelty, seed)
    verdicts = pseudo_labels.decide(pool, given, base, labeller, settings)
    s.write_rows("pseudo_labels", pseudo_label_tables.accepted(verdicts[ALL], pool, given, unlabelled, classes))
    s.write_rows("pseudo_labels_by_fold", pseudo_label_tables.by_fold(verdicts, pool, unlabelled, classes))
    s.write_rows("refused", pseudo_label_tables.refused(verdicts[ALL], pool, unlabelled, classes))
    estimated = pseudo_labels.precision(verdicts, given, unlabelled)
    s.figures = {
        **pseudo_label_tables.figures(verdicts[ALL], unlabelled),
        **{f"pseudo/{k}": v for k, v in estimated.items()},
    }
    return pseudo_label_tables.summary(s.figures)


if __name__ == "__main__":
    job.run(main)
