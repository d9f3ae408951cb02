"""Any number of runs side by side: their scores, who is right where, what they were asked for, curve over curve."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as scores

from kindred.evaluation.score_intervals import accuracy_difference_interval
from kindred.learning import metrics
from kindred.report import curves, plots
from kindred.report.blocks import Plot, Scored, Section, Table, Text
from kindred.report.verdict import SIGNIFICANT, TITLES, points

SHOWN = ("accuracy", "f1", "mcc", "log_loss", "roc_auc", "expected_calibration_error")
OTHERS = {
    "accuracy of base": "base/test/accuracy",
    "given labels": "choose_labels/labels",
    "pseudo-labels": "pseudo/count",
    "gate accepted": "gate/accepted",
}


@dataclass(frozen=True)
class Run:
    """What a run was asked for, its figures, and the learning curve of its base model (may be empty)."""

    name: str
    params: dict[str, Any]
    figures: dict[str, float]
    learning: pd.DataFrame


def sections(found: list[Run], test: Scored | None) -> list[Section]:
    """The page of two runs or more. `test`: what the final model of each says of the test images that all of them have,
    by the run's name; None where there is no such image. The others are compared with the first.
    """
    return [_scores(found, test), _params(found), _curves(found, test)]


def summary(found: list[Run]) -> pd.DataFrame:
    """A row for each run: the scores of its final model on its own test images, and what led there."""
    rows = []
    for run in found:
        row = {"run": run.name, "test images": int(run.figures["final/test/images"])}
        for name in SHOWN:
            for end in ("", "_low", "_high"):
                row[f"{name}{end}"] = run.figures.get(f"final/test/{name}{end}")
        rows.append(row | {title: run.figures.get(name) for title, name in OTHERS.items()})
    return pd.DataFrame(rows)


def paired(test: Scored) -> pd.DataFrame:
    """A row for each model but the first: how much more accurate it is than the first on the same images, with a 95 %
    interval (as that of the stage evaluate), McNemar's p, and that corrected for the number of comparisons.
    """
    first, *others = test.models
    rows = []
    for name in others:
        own, reference = test.right(name).astype(float), test.right(first).astype(float)
        low, high = accuracy_difference_interval(reference, own)
        p = metrics.mcnemar_p(own, reference)
        rows.append({"run": name, "difference": (own - reference).mean(), "low": low, "high": high, "p": p})
    table = pd.DataFrame(rows)
    return table.assign(p_corrected=holm(table["p"].to_numpy()))


def holm(p: np.ndarray) -> np.ndarray:
    """p values [n], corrected so that with no true difference one of them is small as seldom as a single one.

    Source: S. Holm, A Simple Sequentially Rejective Multiple Test Procedure (Scandinavian Journal of Statistics 1979).
    """
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return corrected


def differing(found: list[Run]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The params that are not the same in all runs (a row each, a column for each run), and the others."""
    names = sorted({name for run in found for name in run.params})
    texts = {name: [json.dumps(run.params[name]) if name in run.params else "–" for run in found] for name in names}
    different = {name: values for name, values in texts.items() if len(set(values)) > 1}
    table = pd.DataFrame([[name, *values] for name, values in different.items()], columns=["param", *_names(found)])
    return table, {name: values[0] for name, values in texts.items() if name not in different}


def _scores(found: list[Run], test: Scored | None) -> Section:
    table = summary(found)
    shown = pd.DataFrame({"run": table["run"]})
    for name in SHOWN:
        shown[TITLES[name][0]] = [_with_interval(row, name) for _, row in table.iterrows()]
    for title in OTHERS:
        shown[title] = table[title]
    blocks = [
        Table(
            "scores",
            "The final model of each run on its test images (95 % intervals: bias-corrected bootstrap).",
            table,
            shown,
            open=True,
        )
    ]
    if test is None:
        says = (
            "No test image is common to all of these runs: their scores stand beside each other, and nothing is paired."
        )
        return Section("scores", "Scores", says, blocks)
    pairs = paired(test)
    reference = found[0].name
    told = pd.DataFrame(
        {
            "run": pairs["run"],
            f"accuracy minus that of {reference}": [
                f"{points(r.difference)} points ({points(r.low)} to {points(r.high)})" for r in pairs.itertuples()
            ],
            "McNemar's p": [f"{p:.3g}" for p in pairs["p"]],
            "corrected": [f"{p:.3g}" for p in pairs["p_corrected"]],
            "so": [_judge(r) for r in pairs.itertuples()],
        }
    )
    caption = (
        f"Each run against {reference}, the first, on the {len(test.ids):,} test images that all have; 95 % intervals: "
        "bias-corrected bootstrap over these; p corrected by Holm's method for the number of runs."
    )
    return Section(
        "scores", "Scores", _says(reference, pairs), [*blocks, Table("paired", caption, pairs, told, open=True)]
    )


def _says(reference: str, pairs: pd.DataFrame) -> str:
    """What the paired tests show, in a sentence."""
    by_verdict: dict[str, list[str]] = {}
    for row in pairs.itertuples():
        by_verdict.setdefault(_judge(row), []).append(row.run)
    parts = [f"{verdict}: {', '.join(names)}" for verdict, names in sorted(by_verdict.items())]
    return f"Against {reference}, on the same test images, {'; '.join(parts)}."


def _judge(row: Any) -> str:
    if row.p_corrected >= SIGNIFICANT:
        return "no difference shown"
    return "better" if row.difference > 0 else "worse"


def _with_interval(row: pd.Series, name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if pd.isna(value):
        return "–"
    return f"{value:.4f}" if pd.isna(low) else f"{value:.4f} ({low:.4f} to {high:.4f})"


def _params(found: list[Run]) -> Section:
    table, same = differing(found)
    blocks = [Table("params", "What was asked for, where it differs.", table, open=True)] if len(table) else []
    blocks.append(
        Text("The same in all: " + (", ".join(f"{name} {value}" for name, value in same.items()) or "nothing."))
    )
    names = ", ".join(table["param"])
    says = f"They differ in {names}." if len(table) else "All runs were asked for the same."
    return Section("params", "Params", says, blocks)


def _curves(found: list[Run], test: Scored | None) -> Section:
    blocks = []
    if test is not None:
        blocks = [
            _averaged("roc", test),
            _averaged("precision-recall", test),
            curves.reliability(test),
            curves.risk(test),
        ]
    if any(len(run.learning) for run in found):
        blocks.append(_learning(found))
    says = "One line for each run." if blocks else "There is nothing to draw over one another."
    return Section("curves", "Curves", says, blocks)


def _averaged(kind: str, test: Scored) -> Plot:
    """The ROC or the precision-recall curve of each model, averaged over all decisions."""
    palette = plots.model_colours(list(test.models))
    few = slice(None, max(1, int(curves.LARGEST / len(test.classes))))
    truth = np.eye(len(test.classes), dtype=bool)[test.labels[few]].ravel()
    figure, (axes,) = plots.figure(6, 4.2)
    for model, probabilities in test.models.items():
        said = probabilities[few].ravel()
        area = (scores.roc_auc_score if kind == "roc" else scores.average_precision_score)(truth, said)
        label = f"{plots.name(model)} (area {area:.4f})"
        axes.plot(*curves.ranking_curve(kind, truth, said), color=palette[model], label=label)
    x, y = curves.AXES[kind]
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(fontsize=8)
    return Plot(kind, f"{curves.CALLED[kind]}, averaged over all decisions.", plots.png(figure))


def _learning(found: list[Run]) -> Plot:
    palette = plots.model_colours(_names(found))
    figure, (axes,) = plots.figure(6.5, 3.8)
    for run in found:
        if len(run.learning):
            values = (run.learning[name] for name in ("labels", "accuracy", "error"))
            n, accuracy, error = values
            axes.errorbar(
                n, accuracy, yerr=error, fmt="o-", capsize=3, color=palette[run.name], label=plots.name(run.name)
            )
    axes.set(xscale="log", xlabel="given labels learned from", ylabel="out-of-fold accuracy")
    axes.legend(fontsize=8)
    return Plot(
        "learning", "Learning curves of the base models, on given labels that they did not see.", plots.png(figure)
    )


def _names(found: list[Run]) -> list[str]:
    return [run.name for run in found]
