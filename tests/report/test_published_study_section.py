"""A published study beside a run whose scores one knows."""

import pandas as pd

from kindred.report import published_study_section
from kindred.report.published_study_section import ClassRows
from kindred.report.scored_images import NOT_TESTED
from report_run import figures_of, scored

LABELS = [0, 0, 0, 1]


def test_the_run_stands_beside_the_study_in_its_way_and_in_ours() -> None:
    test = scored(LABELS, {"base": LABELS, "final": [0, 0, 1, 1]}, ["sea", "sky"])
    figures = figures_of(test) | {"candidate/test/accuracy_low": 0.25, "candidate/test/accuracy_high": 1.0}

    section = published_study_section.section(ClassRows(7, 4), test, figures)

    text, table = section.blocks
    assert section.headline == "Published: accuracy 92.7% of label rows; this run: 75.0% of images."
    assert "this run would count 7, of which 4 say present" in text.text
    rows = table.rows.set_index("")[["published", "reproduced", "ours"]]
    assert rows.loc["accuracy"].tolist() == ["0.9265", "–", "0.7500 (0.2500 to 1.0000)"]
    assert rows.loc["AUC"].tolist()[:2] == ["0.9286", "0.8333"]
    assert rows.loc["rows taken for presences"].tolist() == ["15,095", "7", "4"]


def test_without_test_images_the_rows_alone_are_compared() -> None:
    section = published_study_section.section(ClassRows(7, 4), scored([], {"base": []}, ["sea", "sky"]), {})

    assert section.headline == NOT_TESTED
    assert section.blocks[1].rows["ours"].tolist() == ["–", "–", "–", "4"]


def test_a_class_without_a_name_is_found_by_its_id() -> None:
    counts = pd.DataFrame({"label": ["/m/1", "/m/2"], "name": [None, "Tree"]})

    assert published_study_section.of_classes(counts, ["/m/1", "Tree"], ["/m/1", "Tree"]).equals(counts)
