"""The page of a whole run, and of odd ones."""

import re
from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from kindred.report import html_page, run_page
from kindred.report.blocks import Section
from kindred.report.pictures import Pictures
from report_run import few, near_duplicates, results_of, scored, sections, text_of

SVG = "{http://www.w3.org/2000/svg}svg"
PICTURES = Pictures({"0000": np.zeros((8, 8, 3), np.uint8)}, {"0000": "/photos/0.jpg", "0002": "/photos/2.jpg"})


def render(parts: Mapping[str, Section]) -> str:
    return html_page.render("Kindred: test", {"dataset": "digits"}, list(parts.values())).decode()


@pytest.fixture(scope="module")
def drawn() -> dict[str, Section]:
    """The sections of a run with all their plots."""
    return sections(scored())


def test_the_sections_stand_in_their_order(drawn: dict[str, Section]) -> None:
    names = "verdict data mistakes curves pseudo-labels embedding-map robustness".split()

    assert list(drawn) == names
    assert re.findall('<section id="(.*?)"', render(drawn)) == names


def test_every_plot_is_an_svg_every_sheet_a_png_and_every_table_a_csv(drawn: dict[str, Section]) -> None:
    files = {name: content for part in drawn.values() for name, content in part.files().items()}

    assert {name.rsplit(".")[1] for name in files} == {"svg", "png", "csv"}
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith("png"))
    assert all(ElementTree.fromstring(content).tag == SVG for name, content in files.items() if name.endswith("svg"))
    assert files["mistakes-pairs.csv"].decode().splitlines()[0] == "truth,predicted,base,final"


def test_files_have_the_names_that_mlflow_has_had(drawn: dict[str, Section]) -> None:
    """Who looks for a file of an older run finds it under the same name in a newer one."""
    files = {name for part in drawn.values() for name in part.files()}

    assert files == set(
        """
        verdict-differences.svg verdict-scores.csv verdict-counts.csv
        data-balance.svg data-balance.csv data-means.png data-means.csv data-examples.png data-examples.csv
        mistakes-confusion-counts.svg mistakes-confusion-rows.svg mistakes-pairs.svg mistakes-pairs.csv
        mistakes-distribution.svg
        curves-roc.svg curves-precision-recall.svg curves-areas.csv curves-reliability.svg curves-risk-coverage.svg
        curves-learning.svg curves-learning.csv
        pseudo-labels-classes.svg pseudo-labels-classes.csv pseudo-labels-confidence.svg pseudo-labels-confidence.csv
        pseudo-labels-doubtful.png pseudo-labels-doubtful.csv pseudo-labels-accepted.png pseudo-labels-accepted.csv
        embedding-map-map.svg embedding-map-map.csv
        """.split()
    )


@pytest.mark.usefixtures("undrawn")
def test_a_class_absent_from_the_test_split_is_named() -> None:
    parts = sections(scored([0, 0, 1, 1], {"base": [0, 1, 1, 1], "final": [0, 0, 1, 1]}))

    assert "No test image is of eel" in text_of(parts["mistakes"])
    assert "Split test has no image of eel." in text_of(parts["data"])
    assert "No test image is of eel" in render(parts)


@pytest.mark.usefixtures("undrawn")
def test_with_a_single_class_in_the_test_split_nothing_is_ranked() -> None:
    parts = sections(scored([0, 0, 0, 0], {"base": [0, 1, 0, 0], "final": [0, 0, 0, 0]}, ["cat", "dog"]))

    assert "All test images are of one class" in text_of(parts["curves"])


@pytest.mark.usefixtures("undrawn")
def test_without_an_unlabelled_image_the_page_says_so() -> None:
    parts = sections(scored(models={"final (base)": [0, 1, 1, 1, 2, 2]}), accepted=False, pseudo=0)

    assert "There was no unlabelled image" in text_of(parts["pseudo-labels"])
    assert "There was no unlabelled image." in text_of(parts["verdict"])


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
@pytest.mark.slow
def test_of_many_classes_the_page_shows_a_part_and_says_so() -> None:
    labels = list(range(41))
    test = scored(labels, {"final": [*range(1, 41), 0]}, few(41))

    parts = {name: part for name, part in sections(test, pseudo=0).items() if name in ("mistakes", "data", "curves")}

    assert "Of 41 classes the 30 that are most often confused are shown." in text_of(parts["mistakes"])
    assert "The first 40 of 41 rows" in render(parts)
    assert len(parts["data"].files()["data-means.csv"].decode().splitlines()) == 1 + 30


@pytest.mark.long
def test_six_hundred_classes_make_a_page_that_can_be_loaded() -> None:
    labels = list(range(600))

    content = render(sections(scored(labels, {"base": labels, "final": [*range(1, 600), 0]}, few(600))))

    assert len(content) < 5e6


@pytest.mark.usefixtures("undrawn")
def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    names = ["<script>alert(1)</script>", '"><img src=http://example.org/x.png>', "$a_b$"]

    content = render(sections(scored(classes=names)))

    assert "<script>alert" not in content
    assert "<img src=http" not in content
    assert "&lt;script&gt;alert(1)" in content


def test_pictures_are_of_examples_mistakes_doubtful_labels_near_duplicates_and_the_map() -> None:
    test = scored(models={"final": [0, 1, 1, 1, 2, 2]})
    run = results_of(test, pseudo=1)
    run.truth.clear()

    ids = run_page.pictured(run, near_duplicates(("a", "test", "b", "train", 0.1)), ["c", "d"])

    assert ids == {"a", "b", "c", "d", "0000", "0001", "0004"}  # 0000 has a pseudo-label, the two others are mistakes


def test_the_map_takes_the_features_in_their_own_order() -> None:
    run = results_of(scored())
    ids = np.array(["0002", "0000"])
    rows = pd.DataFrame({"split": ["test", "unlabeled"], "prediction": ["cat", "dog"]}, index=["0000", "0002"])

    mapped = run_page.mapped_images(ids, np.eye(2), rows, run, PICTURES)

    assert mapped.predictions == ["dog", "cat"]
    assert mapped.test == [False, True]
    assert mapped.origins == ["/photos/2.jpg", "/photos/0.jpg"]
    assert mapped.pictures == [None, PICTURES.thumbnails["0000"]]
    assert mapped.correct() == [True, True]
