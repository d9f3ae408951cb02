"""The sections of a page that puts runs on images with several labels side by side."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from kindred.evaluation.paired_tests import paired_sets
from kindred.report import comparison_sections
from kindred.report.blocks import Block, Section, Table
from kindred.report.comparison_sections import NONE, NOTHING_IN_COMMON, ComparedRun
from kindred.report.confidence_curves import pair_reliability_plot
from kindred.report.ranking_curves import averaged_curves
from kindred.report.score_table import NO_DIFFERENCE, SET_TITLES, directed, result
from kindred.report.scored_sets import ScoredSets

SCORES = (
    *("mean_average_precision", "micro_f1", "macro_f1", "subset_accuracy", "ranking_average_precision"),
    *("hamming_loss", "log_loss", "expected_calibration_error"),
)
OTHER_FIGURES = {
    "mAP of base": "base/test/mean_average_precision",
    "given images": "choose_labels/labels",
    "pseudo-labels": "pseudo/pairs",
    "gate accepted": "gate/accepted",
}
PAIRED = ("mean_average_precision", "micro_f1", "log_loss")
DECIDING = ("mean_average_precision", "micro_f1")  # the scores that say which run is better
MIXED = "better in one, worse in the other"


def sections(runs: Sequence[ComparedRun], test: ScoredSets | None) -> list[Section]:
    """As `comparison_sections.sections`."""
    return [_score_section(runs, test), comparison_sections.param_section(runs), _curve_section(test)]


def summary(runs: Sequence[ComparedRun]) -> pd.DataFrame:
    """As `comparison_sections.summary`."""
    return comparison_sections.summary(runs, SCORES, OTHER_FIGURES)


def judged(row: dict[Any, Any]) -> str:
    """What the intervals of a run's differences in DECIDING show."""
    shown = set()
    for score in DECIDING:
        if score in row and not pd.isna(row[score]):
            ends = {f"difference_{end}": row[f"{score}_{end}"] for end in ("low", "high")}
            shown.add(result({"difference": row[score], **ends}, more_is_better=True))
    return (
        MIXED
        if {"better", "worse"} <= shown
        else next((one for one in ("better", "worse") if one in shown), NO_DIFFERENCE)
    )


def _score_section(runs: Sequence[ComparedRun], test: ScoredSets | None) -> Section:
    titles = {name: SET_TITLES[name][0] for name in SCORES}
    blocks: list[Block] = [comparison_sections.score_block(runs, summary(runs), titles, OTHER_FIGURES)]
    if test is None:
        return Section("scores", "Scores", NOTHING_IN_COMMON, blocks)
    pairs = paired_sets(test.labels, {name: (p, test.limits[name]) for name, p in test.models.items()}, PAIRED)
    reference = runs[0].name
    caption = (
        f"Each run minus {reference}, the first, on the {len(test.ids):,} test images that all have. Intervals: "
        "bias-corrected bootstrap over these, so wide that all of a score hold together with 95 % (Bonferroni). A run "
        "is better where its interval of mAP or of micro F1 lies above 0 and neither below."
    )
    rows = pairs.to_dict("records")
    texts = pd.DataFrame({"run": pairs["run"]})
    for score in PAIRED:
        texts[directed(SET_TITLES[score][0])] = [_difference(row, score) for row in rows]
    texts["result"] = [judged(row) for row in rows]
    blocks.append(Table("paired", caption, pairs, texts, open=True))
    headline = comparison_sections.pair_headline({row["run"]: judged(row) for row in rows}, reference)
    return Section("scores", "Scores", headline, blocks)


def _difference(row: dict[Any, Any], score: str) -> str:
    if score not in row or pd.isna(row[score]):
        return NONE
    return f"{row[score]:+.4f} ({row[f'{score}_low']:+.4f} to {row[f'{score}_high']:+.4f})"


def _curve_section(test: ScoredSets | None) -> Section:
    if test is None:
        return Section("curves", "Curves", "No curves: no common test image.")
    blocks: list[Block] = [averaged_curves("precision-recall", test), averaged_curves("roc", test)]
    return Section("curves", "Curves", "A line for each run.", [*blocks, pair_reliability_plot(test)])
