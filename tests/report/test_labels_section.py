"""What the page says of several labels an image."""

import pandas as pd
import pytest

from kindred.report import labels_section
from kindred.report.blocks import Table
from kindred.report.labels_section import LabelMap
from report_run import text_of

COUNTS = pd.DataFrame(
    [
        (1, "/m/1", "Tree", 6, 4, 4, 2, 4, 0),
        (2, "/m/2", "Orange", 3, 3, 3, 0, 7, 0),
        (3, "/m/3", "Orange", 2, 2, 2, 0, 8, 0),
        (4, "/m/4", None, 1, 0, 0, 1, 9, 0),
    ],
    columns=["rank", "label", "name", "rows", "positive_rows", "present", "absent", "unknown", "contradicting"],
)
PAIRS = pd.DataFrame(
    [("/m/1", "/m/2", 3, 2, 2, 3, None), ("/m/2", "/m/3", 2, 2, 2, 2, None)],
    columns=["label", "other", "known", "both", "label_present", "other_present", "phi"],
)
FIGURES = {"labels": 4, "images": 10, "labels_per_image": 0.9, "rows": 12, "positive_rows": 9, "contradicting": 0}
LABELS = LabelMap(
    COUNTS,
    PAIRS,
    pd.DataFrame({"labels": [0, 1, 2], "images": [3, 5, 2]}),
    pd.DataFrame({"height": [8], "width": [9], "images": [10]}),
    {f"label_map/{name}": value for name, value in FIGURES.items()},
    {"label_threshold": 0.8},
    {},
)


@pytest.mark.usefixtures("undrawn")
def test_rows_are_told_from_rows_that_say_present() -> None:
    section = labels_section.section(LABELS)

    assert section.headline == "4 labels on 10 images: 0.9 present labels an image, at most 2."
    assert "Of 12 rows 9 say that a label is present." in text_of(section)
    (table,) = (block for block in section.blocks if isinstance(block, Table) and block.name == "counts")
    assert table.rows[["rows", "positive_rows", "present", "absent", "unknown"]].iloc[0].tolist() == [6, 4, 4, 2, 4]
    assert "The most frequent size of an image is 9 x 8 px (10 images)" in text_of(section)


def test_a_name_that_labels_share_stands_with_the_label() -> None:
    assert list(LABELS.name_of().values()) == ["Tree", "Orange (/m/2)", "Orange (/m/3)", "/m/4"]


@pytest.mark.slow
def test_plots_and_tables_are_files_also_where_no_phi_is_known() -> None:
    section = labels_section.section(LABELS)

    assert set(section.files()) == {
        *("labels-frequencies.svg", "labels-counts.csv", "labels-per-image.svg"),
        *("labels-dendrogram.svg", "labels-pairs.csv"),
    }
    assert "Phi is known of no pair" in text_of(section)


@pytest.mark.usefixtures("undrawn")
def test_one_label_has_nothing_to_be_compared_with() -> None:
    section = labels_section.section(
        LabelMap(COUNTS[:1], PAIRS[:0], LABELS.per_image, LABELS.sizes[:0], LABELS.figures, LABELS.facts, {})
    )

    assert "there is nothing to compare" in text_of(section)
