"""features, labels and, for the final model, pseudo-labels -> a classifier, out-of-fold scores, predictions

The same program is the stage train_base and the stage train_final.
"""

import pyarrow as pa
import pyarrow.dataset as ds

from kindred.learning import cross_validation, given_labels, learning_curve, networks
from kindred.runtime import job, variants
from kindred.runtime.stage import Stage


def main(s: Stage, *, classifier: str, folds: int, seed: int) -> str:
    classes = s.facts_of("ingest")["classes"]
    folds = given_labels.fold_count(s.figures_of("choose_labels")["choose_labels/smallest_class"], folds, s.say)
    final = s.name == "train_final"
    if final and not s.figures_of("pseudo_label")["pseudo/count"]:
        s.say("no pseudo-label: the candidate is the base model")
        fitted = _take_over_base(s, folds)
    else:
        fitted = _fit(s, variants.load("classifier", classifier), classes, folds, seed, final)
    for fold, network in fitted.networks.items():
        s.put_file(cross_validation.file_name(fold), network.to_bytes())
    model = _model_name(s)
    predictions = cross_validation.predictions(s.read("features"), fitted.networks[cross_validation.ALL], classes)
    s.write(f"predictions_{model}", predictions, of=s.figures_of("featurize")["featurize/images"])
    accuracy, spread = (s.figures[f"{model}/cv/accuracy_{part}"] for part in ("mean", "std"))
    return f"cross-validation accuracy {accuracy:.4f} ± {spread:.4f} over {folds} folds"


def _fit(s: Stage, module, classes: list[str], folds: int, seed: int, final: bool) -> cross_validation.Fitted:
    pseudo = [s.rows(name) for name in ("pseudo_labels", "pseudo_labels_by_fold")] if final else []
    if final and not module.TAKES_WEIGHTS:
        s.say("this classifier takes no weights: a pseudo-label counts as much as a given one")
    plan = cross_validation.plan(s.rows("labels"), classes, folds, pseudo)
    wanted = plan["image_id"].unique()
    megabytes = len(wanted) * s.figures_of("featurize")["featurize/dimensions"] * 4 / 2**20
    alone = hasattr(module, "fit") and (
        megabytes <= cross_validation.FITS_MEGABYTES or not hasattr(module, "fit_frame")
    )
    s.say(f"{megabytes:,.0f} MiB of features: fitted {'in single processes' if alone else 'in Spark'}")
    if alone:
        ids, features = s.matrix("features", "features", ds.field("image_id").isin(wanted))
        examples = cross_validation.examples(plan, ids, features)
        fitted = cross_validation.fit_examples(s.spark, examples, ids, module, len(classes), folds, seed, s.say)
    else:
        features = s.read("features").dropDuplicates(["image_id"]).select("image_id", "features")
        fitted = cross_validation.fit_frames(plan, features, module, len(classes), folds, seed, s.say)
    model = _model_name(s)
    s.figures = {f"{s.name}/images": len(wanted), **fitted.figures(model)}
    losses = fitted.networks[cross_validation.ALL].losses
    s.steps = {f"{model}/{name}": list(enumerate(values, 1)) for name, values in losses.items()}
    s.facts = {"folds": fitted.scores(), "setting": fitted.setting}
    if alone and not final:
        points = cross_validation.learning_points(s.spark, examples, ids, module, len(classes), fitted, seed)
        curve = learning_curve.curve(points)
        s.facts["learning_curve"] = curve.to_dict("list")
        s.steps["base/learning_curve/accuracy"] = curve[["labels", "accuracy"]].to_numpy().tolist()
    s.write_rows(
        "out_of_fold_candidate" if final else "out_of_fold", cross_validation.out_of_fold(fitted, classes, model)
    )
    return fitted


def _take_over_base(s: Stage, folds: int) -> cross_validation.Fitted:
    """The base model's networks, figures and out-of-fold rows under the candidate's name."""
    base = s.figures_of("train_base").items()
    s.figures = {name.replace("base/", "candidate/", 1): value for name, value in base if name.startswith("base/")}
    s.facts = {name: s.facts_of("train_base")[name] for name in ("folds", "setting")}
    rows = s.rows("out_of_fold").drop_columns("model")
    s.write_rows("out_of_fold_candidate", rows.append_column("model", pa.array(["candidate"] * len(rows))))
    files = {
        fold: s.file("train_base", cross_validation.file_name(fold)) for fold in (*range(folds), cross_validation.ALL)
    }
    return cross_validation.Fitted({fold: networks.from_bytes(content) for fold, content in files.items()})


def _model_name(s: Stage) -> str:
    """What the stage train_final makes is a candidate: the gate says whether it becomes the final model."""
    return "candidate" if s.name == "train_final" else "base"


if __name__ == "__main__":
    job.run(main)
