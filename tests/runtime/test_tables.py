"""Every table once, and who may read it."""

import pytest

from kindred.runtime import tables
from kindred.runtime.errors import InputError

FITTING = ("train_base", "train_final", "pseudo_label", "featurize", "gate", "build_index")


@pytest.mark.parametrize("stage", FITTING)
def test_a_stage_that_fits_may_not_read_the_truth(stage: str) -> None:
    with pytest.raises(InputError, match=f"stage '{stage}' may not read 'truth'"):
        tables.check_reader("truth", stage)


@pytest.mark.parametrize("stage", ["embed", "keypoints", "groups", "match", *FITTING])
def test_only_scores_and_report_may_read_what_is_neither_right_nor_wrong(stage: str) -> None:
    with pytest.raises(InputError, match="may not read 'junk'; its readers: score_matches, report"):
        tables.check_reader("junk", stage)


@pytest.mark.parametrize("stage", ["choose_labels", "evaluate", "attack", "report", "compare"])
def test_the_stages_that_score_may_read_the_truth(stage: str) -> None:
    assert tables.check_reader("truth", stage).writer == "ingest"


def test_any_stage_may_read_the_images() -> None:
    assert tables.check_reader("images", "train_base").writer == "ingest"


def test_an_unknown_table_is_named_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown table 'image'; known: .*images"):
        tables.table("image")


def test_known_labels_stand_in_the_truth_alone() -> None:
    closed = {name for name, table in tables.TABLES.items() if table.readers is not None}

    assert closed == {"truth", "junk"}
    assert "label" not in tables.table("junk").columns
    assert "label" not in tables.table("images").columns
    assert "label" not in tables.table("features").columns
