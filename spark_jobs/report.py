"""what the run's stages made -> one page for a person, its plots and its tables"""

import pandas as pd
import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.data import fonts, near_duplicates
from kindred.data.grey_images import grey_images
from kindred.data.images import id_bound
from kindred.data.thumbnails import side, thumbnails
from kindred.evaluation import scoring
from kindred.report import curves, data, embedding_map, mistakes, page, plots, pseudo_labels, robustness, verdict
from kindred.report.blocks import Scored
from kindred.runtime import arrow, cpu, file_names, job, tables
from kindred.runtime.stage import Stage

STAGES = ("ingest", "featurize", "choose_labels", "train_base", "pseudo_label", "train_final", "gate", "evaluate")
ASKED = {  # arguments of stages that stand at the head of the page
    "featurize": ("extractor",),
    "train_base": ("classifier", "folds", "seed"),
    "pseudo_label": ("labeller",),
    "gate": ("gate",),
}
VERDICT = ["image_id", "label", "confidence"]  # of the ledger's columns; the others are many times as big
TEST = ds.field("split") == "test"
LOOKED_AT = 50 * embedding_map.MOST  # images among which those of the map are chosen: test images may be few of all
SIZES = 500  # different image sizes that are shown: the most frequent


def main(s: Stage, *, projection: str) -> str:
    facts, figures = s.facts_of("ingest"), {k: v for part in STAGES for k, v in s.figures_of(part).items()}
    classes = facts["classes"]
    rows = s.rows("truth")
    truth = arrow.by_id(rows)
    test = _scored(s, truth, classes, figures)
    told = s.rows("pseudo_labels", VERDICT), s.rows("refused", [*VERDICT, "reason"])
    accepted, refused = (_with_truth(part.to_pandas(), truth) for part in told)
    samples = data.sample(truth, classes)
    images = s.read("images")
    counts = {split: int(figures[f"ingest/{split}"]) for split in tables.SPLITS}
    twins = near_duplicates.find(grey_images(images, counts), cpu.cores())
    points = _points(s, sum(counts.values()))
    features = s.matrix("features", "features", ds.field("image_id").isin(points.index.tolist()))
    wanted = [
        *(data.wanted(samples, twins), pseudo_labels.wanted(accepted, refused), test.ids[mistakes.sure(test)].tolist()),
        points.index[: embedding_map.PICTURED].tolist(),
    ]
    pictures = thumbnails(images, {i for ids in wanted for i in ids}, side(facts["height"], facts["width"]))
    attacks = _attacks(s)
    sections = [
        verdict.section(figures, s.facts_of("gate")["reason"], robustness.statements(attacks[0])),
        data.section(*_counts(s, images), classes, samples, twins, _copies(figures), truth, pictures),
        mistakes.section(test, pictures),
        curves.section(test, pd.DataFrame(s.facts_of("train_base").get("learning_curve", {}))),
        pseudo_labels.section(accepted, refused, scoring.pseudo_by_class(*told, pd.Series(truth)), pictures),
        _map(points, features, truth, pictures, classes, projection),
        robustness.section(*attacks),
    ]
    if hint := fonts.hint(plots.name(name) for name in classes):
        s.say(hint)
    for section in sections:
        for name, content in section.files().items():
            s.report(name, content)
    s.report(file_names.REPORT, page.render(f"Kindred: {s.run.rsplit('/', 1)[1]}", _asked(s), sections))
    s.figures = twins.figures()
    s.facts = {"page": file_names.REPORT}
    return sections[0].says


def _scored(s: Stage, truth: dict[str, str], classes: list[str], figures: dict[str, float]) -> Scored:
    """The test images and what base and the candidate say of them, called by what became of them."""
    names = {"base": "base", "candidate": "final"}
    if not figures["gate/accepted"]:
        names = {"base": "final (base)", "candidate": "refused candidate"}
    if not figures["pseudo/count"]:
        names = {"base": "final (base)"}
    models = {}
    for model, name in names.items():
        predictions = s.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST)
        rows = scoring.on_test(predictions, pd.Series(truth))
        labels, models[name] = scoring.arrays(rows, classes)
    final = next(name for name in reversed(models) if name.startswith("final"))
    return Scored(classes, rows["image_id"].to_numpy(), labels, models, final)


def _with_truth(rows: pd.DataFrame, truth: dict[str, str]) -> pd.DataFrame:
    return rows.assign(truth=rows["image_id"].map(truth)).sort_values("image_id", ignore_index=True)


def _counts(s: Stage, images: DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Images by split and label, and by size."""
    labelled = images.select("image_id", "split").join(s.read("truth"), "image_id", how="left")
    balance = labelled.groupBy("split", "label").count()
    sizes = images.groupBy("height", "width").count().orderBy(F.desc("count"), "height", "width").limit(SIZES)
    return balance.toPandas(), sizes.toPandas()


def _copies(figures: dict[str, float]) -> dict[str, int]:
    return {name: int(figures[f"ingest/{name}"]) for name in ("leaked", "repeated")}


def _points(s: Stage, count: int) -> pd.DataFrame:
    """Some of `count` images, test and unlabelled ones in equal parts where there are as many, in the order of their
    ids: split and prediction by id.
    """
    given = set(s.rows("labels", ["image_id"])["image_id"].to_pylist())
    some = ds.field("image_id") < id_bound(count, LOOKED_AT)
    rows = s.rows("predictions_final", ["image_id", "split", "prediction"], some).to_pandas()
    rows = rows[~rows["image_id"].isin(given)].sort_values("image_id").drop_duplicates("image_id")
    parts = [part.head(embedding_map.MOST // 2) for _, part in rows.groupby(rows["split"] == "test")]
    return pd.concat(parts).sort_values("image_id").set_index("image_id")


def _map(points: pd.DataFrame, features: tuple, truth: dict[str, str], pictures: dict, classes: list[str], kind: str):
    ids, values = features
    points = points.loc[ids]
    known = [truth.get(i) for i in ids]
    shown = [pictures.get(i) for i in ids]
    return embedding_map.section(
        values, points["prediction"].tolist(), known, (points["split"] == "test").to_numpy(), shown, classes, kind
    )


def _attacks(s: Stage) -> tuple[dict[str, float], pd.DataFrame, pd.DataFrame]:
    """Figures and tables of the stage `attack`; empty where it has not run."""
    if not s.finished("attack"):
        return {}, pd.DataFrame(), pd.DataFrame()
    return s.figures_of("attack"), *(s.rows(name).to_pandas() for name in ("attacks", "attack_pictures"))


def _asked(s: Stage) -> dict[str, str]:
    """What the run was asked for, for the head of the page."""
    asked = {"dataset": s.facts_of("ingest")["dataset"]["name"]}
    for part, names in ASKED.items():
        asked |= {name: str(s.arguments_of(part)[name]) for name in names}
    return asked | {"given labels": f"{s.figures_of('choose_labels')['choose_labels/labels']:,.0f}"}


if __name__ == "__main__":
    job.run(main)
