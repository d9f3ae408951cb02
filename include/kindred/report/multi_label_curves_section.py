"""How well each model ranks the images of each class, and whether its probabilities can be trusted, where images have
several labels.
"""

import pandas as pd

from kindred.evaluation import multi_label_scoring
from kindred.report.blocks import Block, Section, Table, Text
from kindred.report.confidence_curves import pair_reliability_plot
from kindred.report.curves_section import CALIBRATED, settings_table
from kindred.report.ranking_curves import areas_by_class, class_curves, worst_classes
from kindred.report.scored_images import NOT_TESTED
from kindred.report.scored_sets import ScoredSets


def section(test: ScoredSets, settings: pd.DataFrame) -> Section:
    """From the scored test images, and the settings of `curves_section.section`."""
    if not len(test.ids):
        return Section("curves", "Curves", NOT_TESTED, settings_table(settings))
    areas = areas_by_class(test)
    blocks: list[Block] = []
    if areas.empty:
        blocks.append(
            Text("Each class is present on all test images of which it is known, or on none: nothing to rank.")
        )
    else:
        drawn = worst_classes(areas, test.final)
        blocks += [class_curves("precision-recall", test, drawn), class_curves("roc", test, drawn)]
        blocks.append(Table("areas", "Areas under the curves by class.", areas))
    blocks += [pair_reliability_plot(test), *settings_table(settings)]
    return Section("curves", "Curves", headline(test), blocks)


def headline(test: ScoredSets) -> str:
    """How the final model's probabilities compare with how often classes are present."""
    present, probability = test.decisions(test.final)
    gap = probability.mean() - present.mean()
    judgement = "well calibrated" if abs(gap) < CALIBRATED else "overconfident" if gap > 0 else "underconfident"
    errors = multi_label_scoring.calibration_errors(test.models[test.final], test.labels)
    worst = {name: error for name, error in zip(test.classes, errors.tolist(), strict=True) if error == error}
    name = max(worst, key=worst.__getitem__)
    return (
        f"{test.final.capitalize()} is {judgement} over all known pairs: mean probability {probability.mean():.1%}, "
        f"present {present.mean():.1%}. Expected calibration error {sum(worst.values()) / len(worst):.3f}, the mean of "
        f"the classes; largest of {name} ({worst[name]:.3f})."
    )
