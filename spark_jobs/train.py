"""features, labels and, for the final model, pseudo-labels -> a classifier, out-of-fold scores, predictions

The same program is the stage train_base and the stage train_final.
"""

from types import ModuleType

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.learning import (
    cross_validation,
    cross_validation_in_spark,
    learning_curve,
    multi_label_training,
    networks,
    prediction_tables,
    training_plan,
)
from kindred.learning.cross_validation import Fitted
from kindred.learning.folds import ALL, held_out_folds, network_file
from kindred.runtime import job, tables, variants
from kindred.runtime.stage import Stage


def main(s: Stage, *, classifier: str, folds: int, seed: int) -> str:
    classes = s.classes()
    if s.multi_label():
        return _main_of_label_sets(s, classifier, classes, folds, seed)
    folds = held_out_folds(s.rows("labels", ["label"])["label"].to_pylist(), folds, s.say)
    if _is_final(s) and not s.figures_of("pseudo_label")["pseudo/count"]:
        found = _copy_base(s)
    else:
        found = _fit(s, variants.load("classifier", classifier), classes, folds, seed).networks
    model = _put_and_predict(s, found, classes)
    if not folds:
        return "no cross-validation: too few classes have two given labels"
    accuracy, spread = (s.figures[f"{model}/cv/accuracy_{part}"] for part in ("mean", "std"))
    return f"cross-validation accuracy {accuracy:.4f} ± {spread:.4f} over {folds} folds"


def _main_of_label_sets(s: Stage, classifier: str, classes: list[str], folds: int, seed: int) -> str:
    """The same of several labels an image."""
    module = variants.load("classifier", classifier)
    multi_label_training.check_classifier(classifier, module)
    if _is_final(s) and not s.figures_of("pseudo_label")["pseudo/count"]:
        found = _copy_base(s)
    else:
        found = _fit_label_sets(s, module, classes, folds, seed)
    model = _put_and_predict(s, found, classes)
    loss, spread = (s.figures[f"{model}/cv/log_loss_{part}"] for part in ("mean", "std"))
    count, f1 = (s.figures[f"{model}/cv/{name}"] for name in ("folds", "micro_f1_mean"))
    return f"cross-validation log loss {loss:.4f} ± {spread:.4f}, micro F1 {f1:.4f} over {count} folds"


def _fit_label_sets(
    s: Stage, classifier: ModuleType, classes: list[str], folds: int, seed: int
) -> dict[int, networks.Network]:
    pseudo = [s.rows(name) for name in ("pseudo_labels", "pseudo_labels_by_fold")] if _is_final(s) else []
    training = multi_label_training.training_set(s.rows("labels"), pseudo, classes, folds)
    ids, features = s.matrix("features", "features", ds.field("image_id").isin(training.ids))
    fitted = training.cross_validated(classifier, features[pd.Index(ids).get_indexer(training.ids)], seed)
    model, scores = _model_name(s), multi_label_training.scores(fitted, training)
    grid = multi_label_training.grid(fitted, training.fold_of)
    s.figures = {f"{s.name}/images": len(training.ids), **multi_label_training.figures(scores, model)}
    s.figures |= cross_validation.grid_figures(grid, model)
    s.steps |= {f"{model}/{name}": list(enumerate(values, 1)) for name, values in fitted.network.losses.items()}
    s.facts |= {"folds": scores, "setting": fitted.setting, "grid": grid}
    s.facts["thresholds"] = fitted.network.thresholds
    by_fold = {}
    for fold in range(training.folds):
        rows = training.fold_of == fold
        by_fold[fold] = training.ids[: len(rows)][rows], fitted.out_of_fold[rows]
    out_of_fold = prediction_tables.out_of_fold(by_fold, classes, model, fitted.network.thresholds)
    s.write_rows("out_of_fold_candidate" if _is_final(s) else "out_of_fold", out_of_fold)
    return {ALL: fitted.network, **dict(enumerate(fitted.by_fold))}


def _put_and_predict(s: Stage, found: dict[int, networks.Network], classes: list[str]) -> str:
    """Keep the networks, by fold, and write the predictions of that of ALL; the model's name."""
    for fold, network in found.items():
        s.put_file(network_file(fold), network.to_bytes())
    model = _model_name(s)
    _predict(s, f"predictions_{model}", found[ALL], classes)
    return model


def _fit(s: Stage, classifier: ModuleType, classes: list[str], folds: int, seed: int) -> Fitted:
    """All fits; the figures and tables that come of them."""
    pseudo = [s.rows(name) for name in ("pseudo_labels", "pseudo_labels_by_fold")] if _is_final(s) else []
    if pseudo and not classifier.TAKES_WEIGHTS:
        s.say("this classifier takes no weights: a pseudo-label counts as much as a given one")
    plan = training_plan.make_plan(s.rows("labels"), classes, folds, pseudo)
    images = plan["image_id"].nunique()
    fit = _fit_in_spark if hasattr(classifier, "fit_frame") else _fit_in_processes
    fitted = fit(s, plan, classifier, len(classes), folds, seed)
    model = _model_name(s)
    s.figures = {f"{s.name}/images": images, **fitted.figures(model)}
    losses = fitted.networks[ALL].losses
    s.steps |= {f"{model}/{name}": list(enumerate(values, 1)) for name, values in losses.items()}
    s.facts |= {"folds": fitted.scores(), "setting": fitted.setting, "grid": fitted.grid}
    by_fold = {fold: (own.ids, own.probabilities) for fold, own in fitted.out_of_fold.items()}
    out_of_fold = prediction_tables.out_of_fold(by_fold, classes, model)
    s.write_rows("out_of_fold_candidate" if _is_final(s) else "out_of_fold", out_of_fold)
    return fitted


def _fit_in_processes(
    s: Stage, plan: pd.DataFrame, classifier: ModuleType, classes: int, folds: int, seed: int
) -> Fitted:
    """For the base model the learning curve too."""
    ids, features = s.matrix("features", "features", ds.field("image_id").isin(plan["image_id"].unique()))
    examples = training_plan.make_examples(plan, ids, features)
    fitted = cross_validation.fit(lambda: s.spark, examples, ids, classifier, classes, folds, seed, s.say)
    if not _is_final(s):
        learned = examples, ids, classifier, classes, fitted
        points = cross_validation.learning_curve_points(lambda: s.spark, *learned, seed)
        curve = learning_curve.curve(points)
        s.facts["learning_curve"] = curve.to_dict("list")
        s.steps["base/learning_curve/accuracy"] = curve[["labels", "accuracy"]].to_numpy().tolist()
    return fitted


def _fit_in_spark(s: Stage, plan: pd.DataFrame, classifier: ModuleType, classes: int, folds: int, seed: int) -> Fitted:
    features = s.read("features").dropDuplicates(["image_id"]).select("image_id", "features")
    return cross_validation_in_spark.fit(plan, features, classifier, classes, folds, seed, s.say)


def _predict(s: Stage, table: str, network: networks.Network, classes: list[str]) -> None:
    """Write the predictions of all images."""
    images = s.figures_of("featurize")["featurize/images"]
    features = s.rows_or_frame("features", images)
    if isinstance(features, pa.Table):
        learned = features.filter(pc.field("split").isin(tables.SPLITS))
        s.write_rows(table, prediction_tables.predicted_rows(learned, network, classes))
    else:
        learned = features.where(features["split"].isin(*tables.SPLITS))
        s.write(table, prediction_tables.predictions(learned, network, classes), of=images)


def _copy_base(s: Stage) -> dict[int, networks.Network]:
    """The base model's networks, figures and out-of-fold rows under the candidate's name."""
    s.say("no pseudo-label: the candidate is the base model")
    base = s.figures_of("train_base").items()
    s.figures = {name.replace("base/", "candidate/", 1): value for name, value in base if name.startswith("base/")}
    facts = s.facts_of("train_base")
    s.facts = {name: facts[name] for name in ("folds", "setting", "grid", "thresholds") if name in facts}
    rows = s.rows("out_of_fold").drop_columns("model")
    s.write_rows("out_of_fold_candidate", rows.append_column("model", pa.array(["candidate"] * len(rows))))
    views = (*range(len(facts["folds"])), ALL)
    return {fold: networks.from_bytes(s.file("train_base", network_file(fold))) for fold in views}


def _is_final(s: Stage) -> bool:
    return s.name == "train_final"


def _model_name(s: Stage) -> str:
    """What the stage train_final makes is a candidate: the gate decides whether it becomes the final model."""
    return "candidate" if _is_final(s) else "base"


if __name__ == "__main__":
    job.run(main)
