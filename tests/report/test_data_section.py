"""What was in the data: near duplicates beside exact copies, and the files that were left out."""

import pandas as pd
import pytest

from kindred.report import data_section, html_page
from kindred.report.rejected_blocks import RejectedFiles
from report_run import near_duplicates, scored, sections, text_of

pytestmark = pytest.mark.usefixtures("undrawn")


def test_near_duplicates_are_shown_as_pairs_beside_the_count_of_exact_ones() -> None:
    section = sections(scored(), duplicates=near_duplicates(("0000", "test", "0001", "train", 0.003)))["data"]

    assert "Near duplicates across splits: 1 pair in 1 group" in text_of(section)
    assert section.headline == "6 test images of 3 classes; 1 near duplicate across splits."
    assert section.files()["data-twins.csv"].decode().splitlines()[1] == (
        "test: cat,train: cat,distance 0.0030,/photos/test/0000.jpg,/photos/test/0001.jpg"
    )


def test_pictures_of_near_duplicates_are_wanted_on_both_sides() -> None:
    assert data_section.pictured({}, near_duplicates(("a", "test", "b", "train", 0.1))) == ["a", "b"]


def test_files_that_were_left_out_are_counted_by_reason_and_the_first_are_named() -> None:
    reasons = pd.DataFrame({"reason": ["empty file", "repeat"], "files": [2, 43]})
    first = pd.DataFrame({"origin": ["/photos/a.jpg"] * 40, "split": "train", "reason": "empty file"})

    section = sections(scored(), rejected=RejectedFiles(reasons, first))["data"]
    html = html_page.render("Kindred", {}, [section]).decode()

    assert "45 files were left out" in text_of(section)
    assert "The first 40 of 45 files that were left out; rejected.csv in the run&#39;s folder has all of them." in html
    assert section.files()["data-rejected-reasons.csv"] == b"reason,files\nempty file,2\nrepeat,43\n"
    assert html.count("<td>/photos/a.jpg</td>") == 40
