"""The page as HTML: pictures inside, numbers as one reads them, and nothing that a policy would not allow."""

import base64
import hashlib
import re
from html import unescape

import numpy as np
import pandas as pd

from kindred.data import images
from kindred.report import html_page
from kindred.report.blocks import Section, Table


def test_the_policy_names_the_one_style_and_the_one_script_of_the_page() -> None:
    html = html_page.render("Kindred", {}, [Section("data", "Data", "Nothing.")]).decode()

    (policy,) = map(unescape, re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', html))
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_small_pictures_are_exact_and_larger_ones_jpegs() -> None:
    small, large = (np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8) for side in (8, 64))

    kind, content = html_page.picture(small).split(",")

    assert kind == "data:image/png;base64"
    assert (images.decode(base64.b64decode(content)) == small).all()
    assert html_page.picture(large).startswith("data:image/jpeg;base64,")


def test_a_cell_is_a_text_or_a_number_as_one_reads_it() -> None:
    rows = pd.DataFrame(
        {"class": ["7"], "images": [1234], "share": [0.123456], "precision": [np.nan], "result": ["+1.0"]}
    )

    cells = html_page.cells(rows)[0]

    assert [cell["text"] for cell in cells] == ["7", "1,234", "0.1235", "–", "+1.0"]
    assert [cell["number"] for cell in cells] == [False, True, True, True, True]


def test_a_table_shows_its_texts_where_it_has_some() -> None:
    table = Table("scores", "Scores.", pd.DataFrame({"score": [0.5]}), pd.DataFrame({"score": ["0.5 (0.4 to 0.6)"]}))

    html = html_page.render("Kindred", {}, [Section("verdict", "Verdict", "Better.", [table])]).decode()

    assert "0.5 (0.4 to 0.6)" in html
    assert table.files() == {"scores.csv": b"score\n0.5\n"}
