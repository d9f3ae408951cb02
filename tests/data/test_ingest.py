"""From raw images to what is kept and what is not, and why."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from kindred.data import decoding, images, ingest, raw_images
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from pictures import encoded, noise

pytestmark = pytest.mark.spark

A, B, C, D = "aaaa", "bbbb", "cccc", "dddd"


def decoded(spark, *rows: tuple):
    """Decoded rows, from (split, origin, label, image_id); what has no image_id did not decode."""
    full = [
        (
            split,
            origin,
            label,
            image_id,
            *((4, 3, 1, b"file", None) if image_id else (None, None, None, None, "broken")),
        )
        for split, origin, label, image_id in rows
    ]
    return spark.createDataFrame(full, decoding.SCHEMA)


def left_out(spark, *rows: tuple, leaks: str = "drop") -> dict[str, str]:
    """Why each origin is left out."""
    found = ingest.duplicates(decoded(spark, *rows), leaks).collect()
    assert len({(row.origin, row.split) for row in found}) == len(found)
    return {row.origin: row.reason for row in found}


def test_raw_values_files_and_broken_files_are_decoded(spark, tmp_path: Path) -> None:
    pixels = noise()
    (tmp_path / "a.bmp").write_bytes(encoded(pixels, "BMP"))
    raw = [
        ("train", "raw", "cat", 8, 6, 3, pixels.tobytes(), None),
        ("train", "bytes", "cat", None, None, None, encoded(pixels), None),
        ("unlabeled", f"file://{tmp_path}/a.bmp", None, None, None, None, None, None),
        ("test", "text", "dog", None, None, None, b"hello", None),
        ("test", f"file://{tmp_path}/none.png", "dog", None, None, None, None, None),
        ("test", "told", "dog", None, None, None, None, "no good"),
    ]

    found = {row.origin: row for row in decoding.decode(spark.createDataFrame(raw, raw_images.SCHEMA)).collect()}

    good = [row for row in found.values() if row.reason is None]
    assert {row.image_id for row in good} == {images.image_id(pixels)}
    assert [(row.height, row.width, row.channels) for row in good] == [(8, 6, 3)] * 3
    assert all((images.decode(bytes(row.content)) == pixels).all() for row in good)
    assert found["text"].reason == "does not decode: cannot identify image file"
    assert found[f"file://{tmp_path}/none.png"].reason.startswith("cannot be read: ")
    assert found["told"].reason == "no good"
    assert found["told"].image_id is None
    assert found["told"].label == "dog"


def test_images_that_are_all_different_stay(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", A), ("unlabeled", "2", None, B), ("test", "3", "cat", C)) == {}


def test_what_did_not_decode_is_nobodys_duplicate(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", None), ("train", "2", "cat", None)) == {}


@pytest.mark.parametrize("splits", [("train", "train"), ("train", "test")])
def test_the_same_pixels_under_two_classes_go_altogether(spark, splits: tuple) -> None:
    found = left_out(spark, (splits[0], "1", "cat", A), (splits[1], "2", "dog", A), ("unlabeled", "3", None, A))

    assert found == dict.fromkeys("123", ingest.CONTRADICTING)


def test_copies_of_a_test_image_leave_the_other_splits(spark) -> None:
    rows = [("train", "1", "cat", A), ("unlabeled", "2", None, A), ("test", "3", "cat", A)]

    assert left_out(spark, *rows) == {"1": ingest.LEAKED, "2": ingest.LEAKED}


def test_copies_of_a_test_image_stay_where_leaks_are_kept(spark) -> None:
    rows = [("train", "1", "cat", A), ("unlabeled", "2", None, B), ("test", "3", "cat", A), ("test", "4", "cat", B)]

    assert left_out(spark, *rows, leaks="keep") == {}


def test_of_repeats_within_a_split_the_first_stays(spark) -> None:
    rows = [("unlabeled", "2", None, A), ("unlabeled", "1", None, A), ("unlabeled", "3", None, A)]

    assert left_out(spark, *rows) == {"2": ingest.REPEATED, "3": ingest.REPEATED}


def test_of_repeats_a_labelled_one_stays(spark) -> None:
    assert left_out(spark, ("train", "1", None, A), ("train", "2", "cat", A)) == {"1": ingest.REPEATED}


def test_repeats_within_the_test_part_are_left_out_too(spark) -> None:
    assert left_out(spark, ("test", "1", "cat", A), ("test", "2", "cat", A)) == {"2": ingest.REPEATED}


def test_an_unlabelled_copy_of_a_training_image_goes(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", A), ("unlabeled", "2", None, A)) == {"2": ingest.REPEATED_UNLABELED}


def test_the_gravest_reason_is_told(spark) -> None:
    found = left_out(
        spark,
        *[("train", "1", "cat", A), ("train", "2", "cat", A), ("train", "3", "dog", A), ("test", "4", "cat", A)],
        *[("unlabeled", "5", None, B), ("unlabeled", "6", None, B), ("test", "7", "cat", B)],
        *[("train", "8", "cat", C), ("unlabeled", "9", None, C), ("unlabeled", "90", None, C)],
    )

    assert found == {
        **dict.fromkeys("1234", ingest.CONTRADICTING),
        **dict.fromkeys("56", ingest.LEAKED),
        "9": ingest.REPEATED_UNLABELED,
        "90": ingest.REPEATED,
    }


def test_kept_and_rejected_are_all_there_is(spark) -> None:
    frame = decoded(spark, ("train", "1", "cat", A), ("train", "2", "cat", A), ("train", "3", "dog", None))
    out = ingest.duplicates(frame, "drop")

    kept, rejected = ingest.kept_images(frame, out).collect(), ingest.rejected_rows(frame, out).collect()

    assert [row.origin for row in kept] == ["1"]
    assert {tuple(row) for row in rejected} == {("2", "train", ingest.REPEATED), ("3", "train", "broken")}


def many(spark, order: int = 1):
    """20 cats, 10 dogs and 5 unlabelled images."""
    names = [(f"cat{i:02d}", "cat") for i in range(20)] + [(f"dog{i:02d}", "dog") for i in range(10)]
    rows = [("train", name, label, name) for name, label in names]
    return decoded(spark, *rows[::order], *(("unlabeled", f"x{i}", None, f"x{i}") for i in range(5)))


def test_a_fifth_of_each_class_is_set_aside(spark) -> None:
    rows = ingest.hold_out_test(many(spark)).collect()

    counts = Counter((row.split, row.label) for row in rows)
    assert counts == {
        ("test", "cat"): 4,
        ("test", "dog"): 2,
        ("train", "cat"): 16,
        ("train", "dog"): 8,
        ("unlabeled", None): 5,
    }


def test_setting_aside_repeats_whatever_the_order_of_the_rows(spark) -> None:
    one, other = (
        {row.origin for row in ingest.hold_out_test(many(spark, order)).where("split = 'test'").collect()}
        for order in (1, -1)
    )

    assert one == other


def test_copies_of_an_image_that_is_set_aside_go_with_it_or_go(spark) -> None:
    rows = [("train", f"{i}-{copy}", "cat", f"{i}") for i in range(5) for copy in "ab"]
    rows += [("unlabeled", f"{i}-c", None, f"{i}") for i in range(5)]

    aside = ingest.hold_out_test(decoded(spark, *rows))
    kept = ingest.kept_images(aside, ingest.duplicates(aside, "drop")).collect()

    assert not aside.where("split = 'test' and label is null").count()
    assert Counter(row.split for row in kept) == {"test": 1, "train": 4}
    assert len({row.image_id for row in kept}) == 5


def test_the_rows_are_counted(spark) -> None:
    frame = decoded(
        spark,
        ("train", "1", "cat", A),
        ("unlabeled", "2", None, B),
        ("test", "3", "cat", C),
        ("test", "4", "cat", None),
    )

    assert ingest.count_decoded(frame) == {"decoded": 3, "undecoded": 1, "labelled": 2, "test": 1}


def test_where_nothing_decodes_an_example_is_told(spark) -> None:
    with pytest.raises(InputError, match="no image could be read of 1; /a/b.png: broken"):
        ingest.count_decoded(decoded(spark, ("train", "file:///a/b.png", "cat", None)))


def test_where_nothing_is_it_is_told(spark) -> None:
    with pytest.raises(InputError, match="no image could be read"):
        ingest.count_decoded(decoded(spark))


def test_where_no_label_is_it_is_told(spark) -> None:
    with pytest.raises(InputError, match="none of the 1 images has a label"):
        ingest.count_decoded(decoded(spark, ("unlabeled", "1", None, A), ("train", "2", "cat", None)))


def test_facts_are_the_classes_in_order_and_the_common_size(spark) -> None:
    kept = decoded(spark, ("train", "1", "dog", A), ("test", "2", "cat", B), ("unlabeled", "3", None, C))

    facts = ingest.facts(kept.toArrow(), kept.where("label is not null").toArrow())

    assert facts == {"classes": ["cat", "dog"], "height": 4, "width": 3, "channels": 1}


def test_mixed_sizes_have_no_common_one(spark) -> None:
    one = decoded(spark, ("train", "1", "dog", A))
    other = one.selectExpr("split", "'2' as origin", "label", "image_id", "9 as height", "width", "3 as channels")

    facts = ingest.facts(one.unionByName(other, allowMissingColumns=True).toArrow(), one.toArrow())

    assert facts == {"classes": ["dog"], "height": None, "width": None, "channels": 3}


@pytest.mark.parametrize("leaks", ["drop", "keep"])
def test_figures_count_leaks_whether_dropped_or_kept(spark, leaks: str) -> None:
    frame = decoded(
        spark,
        *[("train", "1", "cat", A), ("unlabeled", "2", None, A), ("test", "3", "cat", A)],
        *[("train", "4", "cat", B), ("train", "5", "cat", B), ("train", "6", "cat", C), ("train", "7", "dog", C)],
        *[("unlabeled", "8", None, D), ("test", "9", "dog", None)],
    )
    out = ingest.duplicates(frame, leaks)

    kept, rejected = ingest.kept_images(frame, out).toArrow(), ingest.rejected_rows(frame, out).toArrow()
    figures = ingest.figures(kept, rejected, ingest.count_decoded(frame)["undecoded"], leaks)

    # With leaks kept, 2 is an unlabelled repeat of the training image 1.
    assert figures == {
        "ingest/train": 1 if leaks == "drop" else 2,
        "ingest/unlabeled": 1,
        "ingest/test": 1,
        "ingest/rejected": 3,
        "ingest/leaked": 2 if leaks == "drop" else 1,
        "ingest/repeated": 1 if leaks == "drop" else 2,
    }


def test_what_is_decoded_is_handed_back_a_few_megabytes_at_a_time(tmp_path: Path) -> None:
    rows = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encoded(noise(40, 30, seed=number)))
        rows.append(("train", storage.uri(str(path)), "cat", None, None, None, None, None))
    size = path.stat().st_size

    found = list(decoding.decode_batches(int(2.5 * size), iter([pd.DataFrame(rows, columns=raw_images.COLUMNS)])))

    assert [len(frame) for frame in found] == [2, 2, 1]
    assert pd.concat(found)["origin"].tolist() == [row[1] for row in rows]
    assert pd.concat(found)["reason"].isna().all()
