"""From raw images to what is kept and what is not, and why."""

from collections import Counter

import pyarrow as pa
import pytest

from kindred.data import decoding, ingest
from kindred.data.known_labels import encoded
from kindred.runtime.errors import InputError

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
    rejected = ingest.duplicates(decoded(spark, *rows), leaks).collect()
    assert len({(row.origin, row.split) for row in rejected}) == len(rejected)
    return {row.origin: row.reason for row in rejected}


def test_images_that_are_all_different_stay(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", A), ("unlabeled", "2", None, B), ("test", "3", "cat", C)) == {}


def test_a_file_that_did_not_decode_is_no_duplicate(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", None), ("train", "2", "cat", None)) == {}


@pytest.mark.parametrize("leaks", ["drop", "keep"])
def test_copies_under_two_classes_are_rejected_but_for_the_test_image(spark, leaks: str) -> None:
    rows = [
        *[("train", "1", "cat", A), ("train", "2", "dog", A), ("unlabeled", "3", None, A)],
        *[("test", "4", "cat", B), ("test", "5", "dog", B), ("train", "6", "cat", B), ("unlabeled", "7", None, B)],
        *[("test", "8", "cat", C), ("train", "9", "dog", C), ("train", "a", "cat", C), ("unlabeled", "b", None, C)],
        *[("test", "c", None, D), ("train", "d", "cat", D), ("train", "e", "dog", D)],
    ]

    reasons = left_out(spark, *rows, leaks=leaks)

    kept = {"a": None, "7": None, "b": ingest.REPEATED_UNLABELED}
    assert reasons == {
        **dict.fromkeys("123", ingest.CONTRADICTING),
        **dict.fromkeys("456", ingest.CONTRADICTING),
        "9": f"{ingest.CONFLICTING}: 8 (cat)",
        **dict.fromkeys("de", ingest.CONTRADICTING),
        **(dict.fromkeys("7ab", ingest.LEAKED) if leaks == "drop" else {k: v for k, v in kept.items() if v}),
    }


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


def test_an_unlabelled_copy_of_a_training_image_is_left_out(spark) -> None:
    assert left_out(spark, ("train", "1", "cat", A), ("unlabeled", "2", None, A)) == {"2": ingest.REPEATED_UNLABELED}


def test_of_several_reasons_the_gravest_is_given(spark) -> None:
    reasons = left_out(
        spark,
        *[("train", "1", "cat", A), ("train", "2", "cat", A), ("train", "3", "dog", A), ("test", "4", "cat", A)],
        *[("unlabeled", "5", None, B), ("unlabeled", "6", None, B), ("test", "7", "cat", B)],
        *[("train", "8", "cat", C), ("unlabeled", "9", None, C), ("unlabeled", "90", None, C)],
    )

    assert reasons == {
        **dict.fromkeys("12", ingest.LEAKED),
        "3": f"{ingest.CONFLICTING}: 4 (cat)",
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


def test_a_fifth_of_each_class_is_held_out(spark) -> None:
    rows = ingest.hold_out_test(many(spark)).collect()

    counts = Counter((row.split, row.label) for row in rows)
    assert counts == {
        ("test", "cat"): 4,
        ("test", "dog"): 2,
        ("train", "cat"): 16,
        ("train", "dog"): 8,
        ("unlabeled", None): 5,
    }


@pytest.mark.parametrize(("images", "held_out"), [(1, 0), (2, 0), (3, 1), (7, 1), (8, 2)])
def test_of_three_images_of_a_class_one_is_held_out(spark, images: int, held_out: int) -> None:
    rows = [("train", f"{label}{i}", label, f"{label}{i}") for label in ("cat", "dog") for i in range(images)]

    counts = Counter(row.split for row in ingest.hold_out_test(decoded(spark, *rows)).collect())

    assert counts["test"] == 2 * held_out


def test_an_image_under_two_classes_is_not_held_out(spark) -> None:
    rows = [("train", f"{label}-{i}", label, i) for label in ("cat", "dog") for i in "abcd"]
    rows += [("train", f"{label}-{i}", label, label + i) for label in ("cat", "dog") for i in "efg"]

    held_out = ingest.hold_out_test(decoded(spark, *rows)).where("split = 'test'").collect()

    assert sorted((row.label, row.image_id[:3]) for row in held_out) == [("cat", "cat"), ("dog", "dog")]


def test_the_same_images_are_held_out_whatever_the_order_of_the_rows(spark) -> None:
    one, other = (
        {row.origin for row in ingest.hold_out_test(many(spark, order)).where("split = 'test'").collect()}
        for order in (1, -1)
    )

    assert one == other


def test_copies_of_an_image_that_is_held_out_are_in_the_test_part_or_rejected(spark) -> None:
    rows = [("train", f"{i}-{copy}", "cat", f"{i}") for i in range(5) for copy in "ab"]
    rows += [("unlabeled", f"{i}-c", None, f"{i}") for i in range(5)]

    held_out = ingest.hold_out_test(decoded(spark, *rows))
    kept = ingest.kept_images(held_out, ingest.duplicates(held_out, "drop")).collect()

    assert not held_out.where("split = 'test' and label is null").count()
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

    counts = ingest.count_decoded(frame)

    assert counts == {"decoded": 3, "undecoded": 1, "labelled": 2, "test": 1, "bytes": 3 * len(b"file")}


def test_where_nothing_decodes_the_error_names_an_example(spark) -> None:
    with pytest.raises(InputError, match="no image could be read of 1, e.g. /a/b.png: broken"):
        ingest.count_decoded(decoded(spark, ("train", "file:///a/b.png", "cat", None)))


def test_a_dataset_without_images_is_refused(spark) -> None:
    with pytest.raises(InputError, match="no image could be read"):
        ingest.count_decoded(decoded(spark))


def test_a_dataset_without_labels_is_refused(spark) -> None:
    with pytest.raises(InputError, match="none of the 1 images has a label"):
        ingest.count_decoded(decoded(spark, ("unlabeled", "1", None, A), ("train", "2", "cat", None)))


def test_facts_are_the_classes_in_order_and_the_common_size(spark) -> None:
    kept = decoded(spark, ("train", "1", "dog", A), ("test", "2", "cat", B), ("unlabeled", "3", None, C))

    facts = ingest.facts(kept.toArrow(), kept.where("label is not null").toArrow())

    assert facts == {"classes": ["cat", "dog"], "height": 4, "width": 3, "median_longer_side": 4, "channels": 1}


def test_mixed_sizes_have_no_common_one(spark) -> None:
    one = decoded(spark, ("train", "1", "dog", A))
    other = one.selectExpr("split", "'2' as origin", "label", "image_id", "9 as height", "width", "3 as channels")

    facts = ingest.facts(one.unionByName(other, allowMissingColumns=True).toArrow(), one.toArrow())

    assert facts.pop("median_longer_side") == 4
    assert facts == {"classes": ["dog"], "height": None, "width": None, "channels": 3}


def test_the_median_of_the_longer_sides_is_of_either_side() -> None:
    sizes = {"height": [10, 90, 20], "width": [50, 30, 60], "channels": [1, 1, 1]}
    kept = pa.table({"image_id": [A, B, C], "split": ["train"] * 3, **sizes})

    assert ingest.facts(kept, pa.table({"image_id": [A], "label": ["cat"]}))["median_longer_side"] == 60


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
        "ingest/undecoded": 1,
        "ingest/contradicting": 2,
        "ingest/conflicting": 0,
        "ingest/leaked": 2 if leaks == "drop" else 1,
        "ingest/repeated": 1 if leaks == "drop" else 2,
    }


def left(spark, *rows: tuple) -> tuple:
    """The columns of images and truth that are left, and the figures."""
    frame = decoded(spark, *rows)
    out = ingest.duplicates(frame, "drop")
    kept, rejected = ingest.kept_images(frame, out), ingest.rejected_rows(frame, out)
    undecoded = frame.where("reason is not null").count()
    figures = ingest.figures(kept.toArrow(), rejected.toArrow(), undecoded, "drop")
    return kept.toArrow(), kept.where("label is not null").toArrow(), figures


def test_where_all_labels_contradict_the_error_counts_what_was_left_out(spark) -> None:
    rows = [("train", f"{label}{i}", label, A) for label in ("cat", "dog") for i in range(5)]

    with pytest.raises(InputError) as caught:
        ingest.check_left(*left(spark, *rows, ("unlabeled", "x", None, B), ("train", "y", "cat", None)))

    assert str(caught.value) == (
        "no labelled training image is left; a classifier needs two classes: 0 train, 0 test images, "
        "1 without a known label; "
        "11 rejected (1 cannot be decoded, 10 with the same pixels under two classes), 0 leaked, 0 repeated"
    )


def test_where_one_class_is_left_the_error_names_it(spark) -> None:
    rows = [("train", "1", "cat", A), ("train", "2", "dog", B), ("test", "3", "dog", B), ("test", "4", "cat", B)]

    with pytest.raises(InputError, match="left are of one class, 'cat'; a classifier needs two: .* 3 rejected"):
        ingest.check_left(*left(spark, *rows, ("test", "5", "dog", C)))


def test_two_classes_that_are_left_are_enough(spark) -> None:
    kept, truth, figures = left(
        spark, ("train", "1", "cat", A), ("train", "2", "dog", B), ("test", "3", "cat", C), ("test", "4", None, D)
    )

    ingest.check_left(kept, truth, figures)

    assert ingest.labelled_test_images(kept, truth) == 1
    assert ingest.summary(figures).endswith("0 rejected, 0 leaked, 0 repeated")


@pytest.mark.parametrize("leaks", ["drop", "keep"])
def test_a_copy_of_a_query_is_no_training_image_but_may_be_in_the_gallery(spark, leaks: str) -> None:
    rows = [("query", "1", "cat", A), ("train", "2", "cat", A), ("gallery", "3", "cat", A), ("unlabeled", "4", None, A)]

    reasons = left_out(spark, *rows, leaks=leaks)

    dropped = {"2": ingest.LEAKED_QUERY, "4": ingest.LEAKED_QUERY}
    assert reasons == (dropped if leaks == "drop" else {"4": ingest.REPEATED_UNLABELED})


def test_a_training_image_may_be_in_the_gallery_but_under_no_other_label(spark) -> None:
    rows = [("train", "1", "cat", A), ("gallery", "2", None, A), ("train", "3", "cat", B), ("gallery", "4", "dog", B)]

    assert left_out(spark, *rows) == {"4": ingest.CONTRADICTING}


def test_no_query_is_held_out_to_test_a_classifier(spark) -> None:
    rows = decoded(spark, *(("query", f"q{i}", "cat", f"q{i}") for i in range(9)), ("train", "1", "cat", A))

    assert {row.split for row in ingest.hold_out_test(rows).collect()} == {"query", "train"}


def test_classes_are_those_of_images_that_a_classifier_may_learn_from(spark) -> None:
    sizes = {name: [4, 4, 4] for name in ("height", "width", "channels")}
    kept = pa.table({"image_id": [A, B, C], "split": ["train", "gallery", "query"], **sizes})
    truth = pa.table({"image_id": [A, B], "label": ["cat", "abbey"]})

    assert ingest.facts(kept, truth)["classes"] == ["cat"]


def test_images_to_match_are_counted_and_both_splits_are_needed() -> None:
    kept = pa.table({"image_id": [A, B], "split": ["query", "train"]})
    figures = ingest.figures(kept, pa.table({"reason": pa.array([], pa.string())}), 0, "drop")

    assert figures["ingest/query"] == 1
    assert "ingest/gallery" not in figures
    with pytest.raises(InputError, match=r"no image of the split gallery is left: 1 train, 0 test .*, 1 query; "):
        ingest.check_matched(figures)


def several(spark, *rows: tuple, leaks: str = "drop") -> dict[str, dict[str, bool]]:
    """What the table truth says of each image of several labels; rows as of `decoded`, with dicts for labels."""
    texts = [(split, origin, None if label is None else encoded(label), image) for split, origin, label, image in rows]
    frame = decoded(spark, *texts)
    left_out = ingest.duplicates(ingest.of_one_class(frame), leaks)
    found: dict[str, dict[str, bool]] = {}
    for row in ingest.known_labels(ingest.labelled_rows(frame, left_out)).collect():
        assert row.label not in found.setdefault(row.image_id, {})
        found[row.image_id][row.label] = row.present
    return found


def test_of_several_labels_copies_within_a_split_have_theirs_together(spark) -> None:
    truth = several(
        spark,
        *[("train", "1", {"sea": True, "sun": False}, A), ("train", "2", {"sea": False, "sun": True}, A)],
        *[("train", "3", {"sea": False}, B), ("train", "4", None, B), ("train", "5", {"sea": True}, None)],
        *[("test", "6", {"sea": False}, C), ("test", "7", {"sun": True}, C), ("unlabeled", "8", None, D)],
    )

    assert truth == {A: {"sea": True, "sun": True}, B: {"sea": False}, C: {"sea": False, "sun": True}}


@pytest.mark.parametrize("leaks", ["drop", "keep"])
def test_of_several_labels_a_test_image_has_its_own_whatever_its_copies_have(spark, leaks: str) -> None:
    rows = [("test", "1", {"sea": True}, A), ("train", "2", {"sun": True}, A), ("gallery", "3", {"sky": True}, A)]

    assert several(spark, *rows, leaks=leaks) == {A: {"sea": True}}


def test_of_several_labels_nothing_contradicts_and_copies_of_test_images_are_leaks(spark) -> None:
    rows = [("test", "1", '{"a": true}', A), ("train", "2", '{"b": true}', A), ("train", "3", '{"a": true}', B)]
    frame = decoded(spark, *rows, ("train", "4", '{"b": true}', B), ("unlabeled", "5", None, B))

    reasons = {row.origin: row.reason for row in ingest.duplicates(ingest.of_one_class(frame), "drop").collect()}

    assert reasons == {"2": ingest.LEAKED, "4": ingest.REPEATED, "5": ingest.REPEATED_UNLABELED}


def test_of_several_labels_a_fifth_of_all_that_are_labelled_is_held_out(spark) -> None:
    labels = [encoded({"sea": i % 2 == 0, "sun": i == 0}) for i in range(10)]
    rows = [("train", f"{i}{copy}", label, f"{i}") for i, label in enumerate(labels) for copy in "ab"]
    frame = decoded(spark, *rows, ("unlabeled", "x", None, "x"), ("unlabeled", "0c", None, "0"))

    held_out = ingest.hold_out_test(frame, several=True)
    kept = ingest.kept_images(held_out, ingest.duplicates(ingest.of_one_class(held_out), "drop")).collect()

    assert Counter(row.split for row in kept) == {"train": 8, "test": 2, "unlabeled": 1}
    assert len({row.image_id for row in kept}) == 11
    assert {row.label for row in held_out.collect()} == {*labels, None}


def test_a_training_image_must_show_a_class() -> None:
    kept = pa.table({"image_id": [A, B], "split": ["train", "test"]})
    figures = ingest.figures(kept, pa.table({"reason": pa.array([], pa.string())}), 0, "drop")
    truth = pa.table({"image_id": [A, A, B], "label": ["sea", "sun", "sea"], "present": [False, True, True]})

    ingest.check_any_present(kept, truth, figures)

    with pytest.raises(InputError, match="no training image that is left shows one of the 2 classes: 1 train, 1 test"):
        ingest.check_any_present(kept, truth.set_column(2, "present", pa.array([False, False, True])), figures)
