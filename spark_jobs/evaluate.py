"""predictions of base and candidate, truth, index -> the run's figures and reports"""

import pandas as pd
import pyarrow.dataset as ds

from kindred.data import fonts, images
from kindred.data import origins as files
from kindred.evaluation import retrieval, retrieval_sheets, score_intervals, scoring
from kindred.learning import metrics
from kindred.runtime import arrow, job, stages
from kindred.runtime.stage import Stage
from kindred.search import image_index
from kindred.search.gallery import UNLABELLED
from kindred.search.shards import Images

TEST = ds.field("split") == "test"
MODELS = ("base", "candidate")
CROSS_VALIDATED = (("train_base", "base"), ("gate", "final"))


def main(s: Stage) -> str:
    classes, chosen = s.classes(), s.facts_of("gate")["chosen"]
    truth = pd.Series(s.truth(), dtype=object)
    tested = _test(s, classes, truth)
    given = set(s.rows("labels", ["image_id"])["image_id"].to_pylist())
    for model in MODELS:
        others = s.rows(f"predictions_{model}", ["image_id", "prediction"], ~TEST)
        hidden = scoring.on_hidden(others, truth, given)
        s.figures |= {f"{model}/hidden/{name}": value for name, value in hidden.items()}
    for name, value in list(s.figures.items()):
        if name.startswith(f"{chosen}/"):
            s.figures[name.replace(chosen, "final", 1)] = value
    _pseudo_labels(s, truth)
    if s.finished(stages.BUILD_INDEX):  # comparisons of many runs do without
        _search(s, truth.to_dict())
    if tested:
        return _summary("test", s.figures["base/test/accuracy"], s.figures["final/test/accuracy"])
    scores = [s.figures_of(stage).get(f"{model}/cv/accuracy_mean") for stage, model in CROSS_VALIDATED]
    if None in scores:
        return "no test image has a known label, and no given label could be held out: the models are not scored"
    base, final = scores
    return f"no test image has a known label; {_summary('cross-validation', base, final)}"


def _test(s: Stage, classes: list[str], truth: pd.Series) -> bool:
    """The scores of both models on the test images, and their reports; False where no test image has a known label."""
    by_model = []
    for model in MODELS:
        rows = scoring.on_test(s.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST), truth)
        if rows.empty:
            return False
        labels, probabilities = scoring.arrays(rows, classes)
        by_model.append(probabilities)
        scores = {**metrics.scores(labels, probabilities), "images": len(labels)}
        s.figures |= {f"{model}/test/{name}": value for name, value in scores.items()}
        for name, content in scoring.reports(labels, probabilities, classes).items():
            s.report(f"{model}-{name}", content)
    s.figures |= scoring.interval_figures(labels, *by_model, score_intervals.intervals(labels, *by_model))
    return True


def _summary(on: str, base: float, final: float) -> str:
    return f"{on} accuracy base {base:.4f}, final {final:.4f} ({final - base:+.4f})"


def _pseudo_labels(s: Stage, truth: pd.Series) -> None:
    by_class = scoring.pseudo_by_class(s.rows("pseudo_labels"), s.rows("refused"), truth)
    s.report("pseudo-labels.csv", scoring.csv(by_class))
    s.figures["pseudo/known"] = int(by_class["known"].sum())
    if s.figures["pseudo/known"]:
        s.figures["pseudo/precision"] = float(by_class["right"].sum() / s.figures["pseudo/known"])


def _search(s: Stage, truth: dict[str, str]) -> None:
    """Queries are the test images with a known label, or the first of them."""
    index = image_index.open_index(s.run)
    if not index.ids(UNLABELLED):
        s.say("no unlabelled image, so there are no figures of the search")
        return
    test_ids = s.rows("predictions_final", ["image_id"], TEST)["image_id"].to_pylist()
    query_ids = sorted(image_id for image_id in test_ids if image_id in truth)[: retrieval.MAX_QUERIES]
    if not query_ids:
        s.say("no test image has a known label, so there are no figures of the search")
        return
    of_queries = TEST & ds.field("image_id").isin(query_ids)
    ids, features = s.matrix("features", "features", of_queries)
    queries = Images(features, s.matrix("predictions_final", "probabilities", of_queries)[1], ids.tolist())
    s.figures |= retrieval.figures(index, queries, truth)
    examples = retrieval_sheets.examples(index, retrieval_sheets.first_of_each_class(queries, index.classes, truth))
    pictured = ds.field("image_id").isin(retrieval_sheets.pictured(examples))
    rows = s.rows("images", ["image_id", "content", "origin"], pictured)
    pixels = {image_id: images.decode(content) for image_id, content in arrow.by_id(rows, "content").items()}
    origins = arrow.by_id(rows, "origin")
    shown = [*index.classes, *map(files.name, origins.values())]
    if hint := fonts.hint(name for name in shown if not name.isascii()):
        s.say(f"the sheets of the search show boxes in names: {hint}")
    for name, png in retrieval_sheets.sheets(examples, truth, pixels, origins).items():
        s.report(name, png)
    s.report("search-examples.csv", retrieval_sheets.table(examples, truth, origins))


if __name__ == "__main__":
    job.run(main)
