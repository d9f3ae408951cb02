"""predictions of base and candidate, truth, index -> the run's figures and reports"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.data import fonts, images
from kindred.data import origins as files
from kindred.evaluation import (
    multi_label_intervals,
    multi_label_scoring,
    retrieval,
    retrieval_sheets,
    score_intervals,
    scoring,
)
from kindred.learning import metrics
from kindred.runtime import arrow, job, stages
from kindred.runtime.stage import Stage
from kindred.search import image_index
from kindred.search.gallery import UNLABELLED
from kindred.search.shards import Images

TEST = ds.field("split") == "test"
MODELS = {"base": "train_base", "candidate": "train_final"}  # with the stage of each
MAIN_SCORES = {"accuracy": "accuracy"}  # of the last line: their words and names
MAIN_SET_SCORES = {"mAP": "mean_average_precision", "micro F1": "micro_f1"}  # with several labels an image


def main(s: Stage) -> str:
    chosen = s.facts_of("gate")["chosen"]
    (_evaluate_sets if s.multi_label() else _evaluate)(s)
    for name, value in list(s.figures.items()):
        if name.startswith(f"{chosen}/"):
            s.figures[name.replace(chosen, "final", 1)] = value
    if s.finished(stages.BUILD_INDEX):  # comparisons of many runs do without
        _search(s, s.truth())
    return _summary(s)


def _evaluate(s: Stage) -> None:
    """Figures and reports of both models and of the pseudo-labels."""
    truth, given = pd.Series(s.truth(), dtype=object), _given(s)
    _test(s, s.classes(), truth)
    for model in MODELS:
        others = s.rows(f"predictions_{model}", ["image_id", "prediction"], ~TEST)
        hidden = scoring.on_hidden(others, truth, given)
        s.figures |= {f"{model}/hidden/{name}": value for name, value in hidden.items()}
    _pseudo_labels(s, truth)


def _test(s: Stage, classes: list[str], truth: pd.Series) -> None:
    """The scores of both models on the test images, and their reports, where a test image has a known label."""
    by_model = []
    for model in MODELS:
        rows = scoring.on_test(s.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST), truth)
        if rows.empty:
            return
        labels, probabilities = scoring.arrays(rows, classes)
        by_model.append(probabilities)
        scores = {**metrics.scores(labels, probabilities), "images": len(labels)}
        s.figures |= {f"{model}/test/{name}": value for name, value in scores.items()}
        for name, content in scoring.reports(labels, probabilities, classes).items():
            s.report(f"{model}-{name}", content)
    s.figures |= scoring.interval_figures(labels, *by_model, score_intervals.intervals(labels, *by_model))


def _pseudo_labels(s: Stage, truth: pd.Series) -> None:
    by_class = scoring.pseudo_by_class(s.rows("pseudo_labels"), s.rows("refused"), truth)
    s.report("pseudo-labels.csv", scoring.csv(by_class))
    s.figures["pseudo/known"] = int(by_class["known"].sum())
    if s.figures["pseudo/known"]:
        s.figures["pseudo/precision"] = float(by_class["right"].sum() / s.figures["pseudo/known"])


def _evaluate_sets(s: Stage) -> None:
    """The same with several labels an image, over the pairs of image and class that are known."""
    classes, truth, given = s.classes(), s.rows("truth"), _given(s)
    _test_sets(s, classes, truth)
    for model in MODELS:
        others = s.rows(f"predictions_{model}", ["image_id", "prediction"], ~TEST)
        hidden = multi_label_scoring.on_hidden(others, truth, given, classes)
        s.figures |= {f"{model}/hidden/{name}": value for name, value in hidden.items()}
    unlabelled = int(s.figures_of("pseudo_label")["pseudo/unlabelled"])
    by_class = multi_label_scoring.pseudo_by_class(s.rows("pseudo_labels"), truth, unlabelled, classes)
    s.report("pseudo-labels.csv", scoring.csv(by_class))
    s.figures |= multi_label_scoring.pseudo_figures(by_class)


def _test_sets(s: Stage, classes: list[str], truth: pa.Table) -> None:
    by_model: list[np.ndarray] = []
    for model, stage in MODELS.items():
        predictions = s.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST)
        tested = multi_label_scoring.on_test(predictions, truth, classes)
        if not len(tested.ids):
            return
        of_model = tested.values, np.array(s.facts_of(stage)["thresholds"])
        by_model += of_model
        scores = {**multi_label_scoring.scores(*of_model, tested.labels), "images": len(tested.ids)}
        s.figures |= {f"{model}/test/{name}": value for name, value in scores.items()}
        by_class = multi_label_scoring.by_class(*of_model, tested.labels, classes)
        s.report(f"{model}-classes.csv", scoring.csv(by_class))
    s.figures |= scoring.figures_of_intervals(multi_label_intervals.intervals(tested.labels, *by_model))


def _given(s: Stage) -> set[str]:
    return set(s.rows("labels", ["image_id"])["image_id"].to_pylist())


def _summary(s: Stage) -> str:
    """Base against final in a line: on the test images, else by cross-validation."""
    tested, titles = "base/test/images" in s.figures, MAIN_SET_SCORES if s.multi_label() else MAIN_SCORES
    figures = {**s.figures_of("train_base"), **s.figures_of("gate"), **s.figures}
    compared = []
    for title, score in titles.items():
        names = (f"{model}/test/{score}" if tested else f"{model}/cv/{score}_mean" for model in ("base", "final"))
        base, final = map(figures.get, names)
        if base is not None and final is not None:
            compared.append(f"{title} base {base:.4f}, final {final:.4f} ({final - base:+.4f})")
    if not compared:
        return "no test image has a known label, and no given label could be held out: the models are not scored"
    if tested:
        return f"test {', '.join(compared)}"
    return f"no test image has a known label; cross-validation {', '.join(compared)}"


def _search(s: Stage, truth: dict[str, str]) -> None:
    """Queries are the test images with a known label, or the first of them."""
    index = image_index.open_index(s.run)
    if not index.ids(UNLABELLED):
        s.say("no unlabelled image, so there are no figures of the search")
        return
    test_ids = s.rows("predictions_final", ["image_id"], TEST)["image_id"].to_pylist()
    several = s.multi_label()
    query_ids = retrieval.query_ids(test_ids, truth, several)
    if not query_ids:
        s.say("no test image has a known label, so there are no figures of the search")
        return
    of_queries = TEST & ds.field("image_id").isin(query_ids)
    ids, features = s.matrix("features", "features", of_queries)
    queries = Images(features, s.matrix("predictions_final", "probabilities", of_queries)[1], ids.tolist())
    s.figures |= retrieval.figures(index, queries, truth)
    first = retrieval_sheets.first_of_each_class(queries, index.classes, truth, several)
    examples = retrieval_sheets.examples(index, first)
    pictured = ds.field("image_id").isin(retrieval_sheets.pictured(examples))
    rows = s.rows("images", ["image_id", "content", "origin"], pictured)
    pixels = {image_id: images.decode(content) for image_id, content in arrow.by_id(rows, "content").items()}
    origins = arrow.by_id(rows, "origin")
    shown = [*index.classes, *map(files.name, origins.values())]
    if hint := fonts.hint(name for name in shown if not name.isascii()):
        s.say(f"the sheets of the search show boxes in names: {hint}")
    for name, png in retrieval_sheets.sheets(examples, truth, pixels, origins, several).items():
        s.report(name, png)
    s.report("search-examples.csv", retrieval_sheets.table(examples, truth, origins))


if __name__ == "__main__":
    job.run(main)
