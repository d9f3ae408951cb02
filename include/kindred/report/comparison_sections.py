"""The sections of a page that puts runs side by side: their scores, their params, their curves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.ticker import LogLocator

from kindred.evaluation.paired_tests import SIGNIFICANT, paired_accuracy
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Table, Text
from kindred.report.confidence_curves import reliability_plot, risk_plot
from kindred.report.ranking_curves import averaged_curves
from kindred.report.score_table import DIRECTIONS, NO_DIFFERENCE, TITLES, directed, points
from kindred.report.scored_images import ScoredImages

SCORES = ("accuracy", "f1", "mcc", "log_loss", "roc_auc", "expected_calibration_error")
OTHER_FIGURES = {
    "accuracy of base": "base/test/accuracy",
    "given labels": "choose_labels/labels",
    "pseudo-labels": "pseudo/count",
    "gate accepted": "gate/accepted",
}
NONE = "–"
NOTHING_IN_COMMON = (
    "These runs have no test image in common: their scores are shown, but not tested against each other."
)


@dataclass(frozen=True)
class ComparedRun:
    """A run's name, when it was opened, its params, its figures, and the learning curve of its base model (may be
    empty).
    """

    name: str
    date: str
    params: dict[str, Any]
    figures: dict[str, float]
    learning: pd.DataFrame


def sections(runs: Sequence[ComparedRun], test: ScoredImages | None) -> list[Section]:
    """The page of two runs or more. `test`: the test images that all of them have, with the probabilities of each run's
    final model by the run's name; None where there is no such image. The others are compared with the first.
    """
    return [_score_section(runs, test), param_section(runs), _curve_section(runs, test)]


def summary(
    runs: Sequence[ComparedRun], scores: Sequence[str] = SCORES, others: Mapping[str, str] = OTHER_FIGURES
) -> pd.DataFrame:
    """A row for each run: the scores of its final model on its own test images, and what led there."""
    rows = []
    for run in runs:
        row: dict[str, Any] = {"run": run.name, "test images": int(run.figures.get("final/test/images", 0))}
        for name in scores:
            for end in ("", "_low", "_high"):
                row[f"{name}{end}"] = run.figures.get(f"final/test/{name}{end}")
        rows.append(row | {title: run.figures.get(name) for title, name in others.items()})
    return pd.DataFrame(rows)


def param_differences(runs: Sequence[ComparedRun]) -> tuple[pd.DataFrame, dict[str, str]]:
    """The params that are not the same in all runs (a row each, a column for each run), and the others.

    >>> params = {"a": {"seed": 0, "labels": 10}, "b": {"seed": 0, "labels": 20}}
    >>> runs = [ComparedRun(name, "", params[name], {}, pd.DataFrame()) for name in params]
    >>> table, same = param_differences(runs)
    >>> table.to_numpy().tolist(), same
    ([['labels', '10', '20']], {'seed': '0'})
    """
    names = sorted({name for run in runs for name in run.params})
    texts = {name: [json.dumps(run.params[name]) if name in run.params else NONE for run in runs] for name in names}
    different = {name: values for name, values in texts.items() if len(set(values)) > 1}
    columns = ["param", *(run.name for run in runs)]
    table = pd.DataFrame([[name, *values] for name, values in different.items()], columns=columns)
    return table, {name: values[0] for name, values in texts.items() if name not in different}


def _score_section(runs: Sequence[ComparedRun], test: ScoredImages | None) -> Section:
    blocks: list[Block] = [score_block(runs, summary(runs), {name: TITLES[name][0] for name in SCORES}, OTHER_FIGURES)]
    if test is None:
        return Section("scores", "Scores", NOTHING_IN_COMMON, blocks)
    pairs = paired_accuracy({name: test.correct(name) for name in test.models})
    reference = runs[0].name
    caption = (
        f"Each run against {reference}, the first, on the {len(test.ids):,} test images that all have; 95 % intervals: "
        "bias-corrected bootstrap over these; p corrected by Holm's method for the number of runs."
    )
    blocks.append(Table("paired", caption, pairs, _pair_texts(pairs, reference), open=True))
    return Section("scores", "Scores", _pair_headline(pairs, reference), blocks)


def score_block(
    runs: Sequence[ComparedRun], table: pd.DataFrame, titles: Mapping[str, str], others: Mapping[str, str]
) -> Table:
    """The `summary` of runs for a person; `titles` of the scores by their names."""
    texts = pd.DataFrame({"run": table["run"], "date": [run.date for run in runs], "test images": table["test images"]})
    for name, title in titles.items():
        texts[directed(title)] = [_with_interval(row, name) for row in table.to_dict("records")]
    for title in others:
        texts[title] = table[title]
    caption = f"The final model of each run on its test images (95 % intervals: bias-corrected bootstrap). {DIRECTIONS}"
    return Table("scores", caption, table, texts, open=True)


def _pair_texts(pairs: pd.DataFrame, reference: str) -> pd.DataFrame:
    rows = pairs.to_dict("records")
    return pd.DataFrame(
        {
            "run": pairs["run"],
            f"accuracy minus that of {reference}": [
                f"{points(row['difference'])} points ({points(row['low'])} to {points(row['high'])})" for row in rows
            ],
            "McNemar's p": [f"{p:.3g}" for p in pairs["p"]],
            "corrected": [f"{p:.3g}" for p in pairs["p_corrected"]],
            "result": [_result(row) for row in rows],
        }
    )


def _pair_headline(pairs: pd.DataFrame, reference: str) -> str:
    """What the paired tests show, in a sentence."""
    rows = pairs.to_dict("records")
    return pair_headline({row["run"]: _result(row) for row in rows}, reference)


def pair_headline(results: Mapping[str, str], reference: str) -> str:
    """Which runs are better or worse than the first, from the result of each, in a sentence."""
    by_result: dict[str, list[str]] = {}
    for run, result in results.items():
        by_result.setdefault(result, []).append(run)
    parts = [f"{result}: {', '.join(names)}" for result, names in sorted(by_result.items())]
    return f"Against {reference}, on the same test images, {'; '.join(parts)}."


def _result(row: dict[Any, Any]) -> str:
    if row["p_corrected"] >= SIGNIFICANT:
        return NO_DIFFERENCE
    return "better" if row["difference"] > 0 else "worse"


def _with_interval(row: dict[Any, Any], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if pd.isna(value):
        return NONE
    return f"{value:.4f}" if pd.isna(low) else f"{value:.4f} ({low:.4f} to {high:.4f})"


def param_section(runs: Sequence[ComparedRun]) -> Section:
    """Which params differ between the runs, and the others."""
    table, same = param_differences(runs)
    blocks: list[Block] = []
    if len(table):
        blocks.append(Table("params", "Params that differ, a column for each run.", table, open=True))
    equal = ", ".join(f"{name} {value}" for name, value in same.items()) or "none."
    blocks.append(Text(f"Params that are the same in all runs: {equal}"))
    headline = f"The runs differ in {', '.join(table['param'])}." if len(table) else "All runs have the same params."
    return Section("params", "Params", headline, blocks)


def _curve_section(runs: Sequence[ComparedRun], test: ScoredImages | None) -> Section:
    blocks: list[Block] = []
    if test is not None:
        blocks += [averaged_curves("roc", test), averaged_curves("precision-recall", test)]
        blocks += [reliability_plot(test), risk_plot(test)]
    if any(len(run.learning) for run in runs):
        blocks.append(_learning_plot(runs))
    headline = "A line for each run." if blocks else "No curves: no common test image, and no learning curve."
    return Section("curves", "Curves", headline, blocks)


def _learning_plot(runs: Sequence[ComparedRun]) -> Plot:
    palette = plots.model_colours([run.name for run in runs])
    figure, (axes,) = plots.figure(plots.PANEL, 3.4)
    for run in runs:
        if len(run.learning):
            labels, accuracy, error = (run.learning[name] for name in ("labels", "accuracy", "error"))
            colour, name = palette[run.name], plots.short_name(run.name)
            axes.errorbar(labels, accuracy, yerr=error, fmt="o-", capsize=3, color=colour, label=name)
    axes.set(xscale="log", xlabel="given labels learned from", ylabel="out-of-fold accuracy")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    plots.legend_inside(axes, fontsize=8)
    caption = "Learning curves of the base models, on given labels that they did not learn from."
    return Plot("learning", caption, [plots.svg(figure)])
