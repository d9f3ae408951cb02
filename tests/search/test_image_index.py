"""The nearest and the farthest images of a query, against brute force."""

import tempfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from galleries import CLASSES, WIDE, images, index, on_a_line
from kindred.runtime import file_checks, storage
from kindred.runtime.errors import InputError
from kindred.search import exact_scan, image_index, lower_bounds
from kindred.search.answers import Answer
from kindred.search.distances import DISTANCES, fitting
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.shards import Images

FILTERS = {
    "none": Filter(),
    "class": Filter(classes=["b", "c"]),
    "split": Filter(splits=["train"]),
    "dataset": Filter(datasets=["second"]),
    "confidence": Filter(confidence=(0.6, 0.9)),
    "ids": Filter(ids=["007", "011", "040", "999"]),
    "labelled": Filter(labelled=True),
    "unlabelled": Filter(labelled=False),
    "origin": Filter(origin="PHOTOS/éé"),
    "all": Filter(["a", "b"], ["unlabeled"], ["first"], (0.5, 1.0), [f"{i:03d}" for i in range(25)], False),
}


def brute_force(gallery: Images, queries: Images, k: int, name: str, farthest: bool, where: Filter) -> list:
    """ids and distances, image by image."""
    kind, answers = DISTANCES[name].vectors, []
    passing = [
        i
        for i, probabilities in enumerate(gallery.probabilities)
        if (where.classes is None or CLASSES[probabilities.argmax()] in where.classes)
        and (where.splits is None or gallery.splits[i] in where.splits)
        and (where.datasets is None or gallery.datasets[i] in where.datasets)
        and (where.confidence is None or where.confidence[0] <= probabilities.max() <= where.confidence[1])
        and (where.ids is None or gallery.ids[i] in where.ids)
        and (where.labelled is None or (gallery.labels[i] is not None) == where.labelled)
        and (where.origin is None or where.origin.lower() in (gallery.origins[i] or "").lower())
    ]
    for query in getattr(queries, kind):
        far = DISTANCES[name].value(DISTANCES[name].keys(query[None].repeat(len(gallery), 0), getattr(gallery, kind)))
        ranked = [(-far[i] if farthest else far[i], gallery.ids[i]) for i in passing]
        answers.append([(image_id, abs(far)) for far, image_id in sorted(ranked)[:k]])
    return answers


def pairs(answers: list[Answer]) -> list:
    return [[(near.image_id, near.distance) for near in answer.neighbours] for answer in answers]


def assert_same(results: list, expected: list) -> None:
    for one, other in zip(results, expected, strict=True):
        assert [image_id for image_id, _ in one] == [image_id for image_id, _ in other]
        np.testing.assert_allclose([far for _, far in one], [far for _, far in other], atol=1e-12)


@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("farthest", [False, True])
@pytest.mark.parametrize("name", fitting(several=False))
@pytest.mark.parametrize("width", [4, WIDE])
def test_the_answer_is_that_of_brute_force(width: int, name: str, farthest: bool, where: Filter) -> None:
    gallery, queries = images(60, width), images(20, width, seed=1, start=900)

    answers = index(60, width).search(queries, 7, name, farthest, where)

    assert_same(pairs(answers), brute_force(gallery, queries, 7, name, farthest, where))


@pytest.mark.parametrize("name", fitting(several=False))
@pytest.mark.parametrize("farthest", [False, True])
def test_thousands_of_images_in_blocks_of_queries_give_the_same(
    name: str, farthest: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact_scan, "BOUNDS_PER_BLOCK", 30_000)
    gallery, queries = images(5000, WIDE), images(30, WIDE, seed=1, start=9000)

    answers = index(5000, WIDE).search(queries, 10, name, farthest)

    kind = DISTANCES[name].vectors
    far = DISTANCES[name].between(getattr(queries, kind), getattr(gallery, kind))
    for answer, row in zip(answers, -far if farthest else far, strict=True):
        np.testing.assert_allclose([n.distance for n in answer.neighbours], abs(np.sort(row)[:10]), atol=1e-6)


def test_of_a_gallery_that_is_shortened_well_few_rows_are_compared_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, compared, whole = np.random.default_rng(0), [], image_index.Scan._fast
    features = (rng.normal(size=(3001, 10)) @ rng.normal(size=(10, WIDE))).astype(np.float32)
    gallery = image_index.build(replace(images(3000), features=features[:3000]), CLASSES)
    monkeypatch.setattr(image_index.Scan, "_fast", lambda s, *rest: compared.append(len(rest[-1])) or whole(s, *rest))

    gallery.search(Images(features[3000:]), 5, "l2")

    assert sum(compared) < 60


@pytest.mark.parametrize("name", fitting(several=False))
def test_whole_rankings_do_not_hold_the_features_of_all_pairs(name: str) -> None:
    count = 300
    gallery = index(count, 640)
    queries = gallery.images(gallery.ids()[:60])
    gallery.search(queries[:1], 1, name)  # what is loaded at first

    tracemalloc.start()
    answers = gallery.search(queries, count, name, itself=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [len(answer.neighbours) for answer in answers] == [count] * 60
    assert peak < 40e6  # the features of the 18,000 pairs alone are 92 MB in float64


def test_what_a_distance_needs_of_a_shard_is_made_block_by_block() -> None:
    vectors = np.random.default_rng(0).random((4096, 512), np.float32)
    bound = lower_bounds.fit_one(DISTANCES["cosine"], vectors[:200])

    tracemalloc.start()
    side = bound.gallery_side(vectors)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert side.shape == (4096, bound.gallery_side(vectors[:0]).shape[1])
    assert np.array_equal(side[:512], bound.gallery_side(vectors[:512]))
    assert peak < 14e6  # the points alone are 17 MB in float64


def test_an_image_of_the_gallery_does_not_find_itself_unless_asked() -> None:
    gallery = index()
    query = gallery.images(["003"])

    assert "003" not in [near.image_id for near in gallery.search(query, 50, "l2")[0].neighbours]
    first = gallery.search(query, 1, "l2", itself=True)[0].neighbours[0]
    assert (first.image_id, first.distance, first.duplicate) == ("003", 0.0, True)


def test_ties_are_broken_by_id() -> None:
    query = Images(np.zeros((1, 1)))

    assert pairs(on_a_line(1, -1, 1, -1, 5, 1).search(query, 3, "l2")) == [[("a", 1), ("b", 1), ("c", 1)]]
    assert pairs(on_a_line(0, 2, -2, 1, 2).search(query, 2, "l2", farthest=True)) == [[("b", 2), ("c", 2)]]


def test_an_answer_says_what_is_known_of_both_images() -> None:
    gallery = image_index.build(
        Images(
            np.array([[0, 0, 3, 4], [0, 0, 3, 4.001], [1, 0, 0, 0]], np.float32),
            np.array([[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]], np.float32),
            ["x", "y", "z"],
            ["train", "unlabeled", "unlabeled"],
            ["d"] * 3,
            ["cat", None, None],
            ["file:///photos/x.jpg", None, "s3://bucket/z.jpg"],
        ),
        ["cat", "dog"],
    )

    known = gallery.search(gallery.images(["x"]), 2, "l2")[0]
    upload = gallery.search(Images(np.array([[1, 0, 0, 0]])), 1, "cosine")[0]

    assert (known.exact, known.distance, known.farthest) == (True, "l2", False)
    assert (known.image_id, known.prediction, known.confidence) == ("x", "cat", 0.75)
    assert (known.origin, known.label) == ("file:///photos/x.jpg", "cat")
    near, far = known.neighbours
    assert near[:1] + near[2:] == ("y", "cat", 0.5, "unlabeled", "d", True, *[None] * 5)
    assert far[:1] + far[2:] == ("z", "dog", 0.875, "unlabeled", "d", False, "s3://bucket/z.jpg", *[None] * 4)
    assert (upload.image_id, upload.prediction, upload.confidence) == (None, None, None)
    assert (upload.origin, upload.label) == (None, None)
    assert upload.neighbours[0].image_id == "z"
    (labelled,) = gallery.search(Images(np.array([[1, 0, 0, 0]])), 3, "l2", where=Filter(labelled=True))
    assert [(near.image_id, near.label) for near in labelled.neighbours] == [("x", "cat")]


@pytest.mark.parametrize("seed", range(10))
def test_after_any_sequence_the_answers_are_those_of_a_fresh_build(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name, farthest, where = (
        rng.choice(list(fitting(several=False))),
        rng.random() < 0.5,
        rng.choice(list(FILTERS.values())),
    )
    gallery = index(20, WIDE)
    first = images(20, WIDE)
    held = {first.ids[i]: first[i : i + 1] for i in range(20)}
    for step, number in zip(rng.choice(["add", "delete", "save"], 8), rng.integers(0, 100, 8).tolist(), strict=True):
        chosen = [f"{number:03d}", f"{number // 2:03d}"]
        if step == "add":
            new = images(6, WIDE, seed=number, start=number // 2)
            gallery = gallery.add(new)
            held |= {new.ids[i]: new[i : i + 1] for i in range(6)}
        elif step == "delete":
            there = sorted({image_id for image_id in chosen if image_id in held})
            gallery = gallery.delete(there)
            held = {image_id: image for image_id, image in held.items() if image_id not in there}
        else:
            folder = tempfile.mkdtemp(dir=tmp_path)
            gallery.save(f"file://{folder}")
            gallery = image_index.open_folder(f"file://{folder}")

    rows = list(held.values())
    fresh = Images(
        np.concatenate([row.features for row in rows]),
        np.concatenate([row.probabilities for row in rows]),
        *([getattr(row, name)[0] for row in rows] for name in ("ids", "splits", "datasets", "labels", "origins")),
    )
    queries = images(3, WIDE, seed=7, start=0)

    answers = gallery.search(queries, 5, name, farthest, where)

    assert len(gallery) == len(fresh)
    assert gallery.ids() == sorted(held)
    assert pairs(answers) == pairs(image_index.build(fresh, CLASSES).search(queries, 5, name, farthest, where))
    again = gallery.images(fresh.ids)
    assert (again.labels, again.origins) == (fresh.labels, fresh.origins)


def test_an_index_is_a_value() -> None:
    before = index(5)

    assert (len(before.delete(["001"])), len(before.add(images(9))), len(before)) == (4, 9, 5)


def test_the_ids_are_those_that_pass_the_filter_in_order() -> None:
    gallery = index(50).add(images(1, start=200)).delete(["003", "200"])

    assert gallery.ids(Filter(splits=["train"], datasets=["first"])) == [f"{i:03d}" for i in range(0, 31, 3) if i != 3]


def test_the_arrays_of_an_opened_index_are_mapped_and_give_the_same_answers(tmp_path: Path) -> None:
    index(50, WIDE).save(f"file://{tmp_path}")

    opened = image_index.open_folder(f"file://{tmp_path}")

    arrays = [array for shard in opened.gallery.shards for array in shard.arrays.values()]
    arrays += [array for shard in opened.gallery.shards for array in (shard.origins.ends, shard.origins.content)]
    assert all(isinstance(array, np.memmap) for array in arrays)
    assert_same(*(pairs(one.search(images(2, WIDE, 3, 500), 3, "cosine")) for one in (opened, index(50, WIDE))))


def saved_before_there_were_origins(folder: Path) -> None:
    """An index without the arrays that came later, as earlier versions saved it."""
    index(50).save(f"file://{folder}")
    place = f"file://{folder}/about.json"
    about = file_checks.read_sealed(place)
    later = {f"00000-{name}.npy" for name in ("labels", "origins", "origins_ends")}
    del about["arrays"]
    about["files"] = {name: checksum for name, checksum in about["files"].items() if name not in later}
    storage.put_bytes(place, file_checks.sealed(about))
    for name in later:
        (folder / name).unlink()


def test_an_index_that_was_saved_before_there_were_origins_opens_without_them(tmp_path: Path) -> None:
    saved_before_there_were_origins(tmp_path / "old")

    old = image_index.open_folder(f"file://{tmp_path}/old")

    queries, where = images(3, seed=7, start=900), Filter(labelled=False)
    assert pairs(old.search(queries, 9, "l2", where=where)) == pairs(index(50).search(queries, 9, "l2"))
    assert (old.images(["001"]).labels, old.images(["001"]).origins) == ([None], [None])
    assert old.search(queries, 9, "l2", where=Filter(labelled=True))[0].neighbours == []
    added = old.add(images(2, seed=3, start=101)).delete(["003"])
    added.save(f"file://{tmp_path}/new")
    new = image_index.open_folder(f"file://{tmp_path}/new")
    assert new.images(["001", "101", "102"]).origins == [None, None, "file:///photos/é102.jpg"]
    assert new.ids(Filter(labelled=True)) == ["101"]


def test_origins_that_do_not_fit_the_images_are_named(tmp_path: Path) -> None:
    index(5).save(f"file://{tmp_path}")
    about = file_checks.read_sealed(f"file://{tmp_path}/about.json")
    del about["files"]["00000-origins.npy"]
    storage.put_bytes(f"file://{tmp_path}/about.json", file_checks.sealed(about))
    np.save(tmp_path / "00000-origins.npy", np.zeros(7, np.uint8))

    with pytest.raises(InputError, match=f"{tmp_path}/00000-origins.npy does not fit the other files"):
        image_index.open_folder(f"file://{tmp_path}")


def test_without_an_image_the_index_can_be_saved_filled_and_says_so(tmp_path: Path) -> None:
    index(2).delete(["000", "001"]).save(f"file://{tmp_path}")
    empty = image_index.open_folder(f"file://{tmp_path}")

    assert (len(empty), empty.ids()) == (0, [])
    with pytest.raises(InputError, match="the index is empty: there is no image to search in"):
        empty.search(images(1), 1, "l2")
    assert len(empty.add(images(3)).search(images(1), 2, "l2")[0].neighbours) == 2


@pytest.mark.parametrize("k", [0, -1, 51])
def test_a_k_that_cannot_be_is_refused(k: int) -> None:
    with pytest.raises(InputError, match=f"k is {k}; the index has 50 images"):
        index().search(images(1), k, "l2")


def refused(text: str, gallery: Index, queries: Images, name: str = "l2", where: Filter | None = None) -> None:
    with pytest.raises(InputError, match=text):
        gallery.search(queries, 1, name, where=where)


def test_what_does_not_fit_the_index_is_refused() -> None:
    refused("features given: 3, of the index: 4; it was built with another extractor", index(), images(1, 3))
    refused("unknown distance 'l3'", index(), images(1), "l3")
    refused("works on features; the queries have none", index(), Images(probabilities=np.ones((1, 3))))
    refused("unknown class 'z'; known: a, b, c", index(), images(1), where=Filter(classes=["z"]))
    with pytest.raises(InputError, match="no image '999' in the index"):
        index().delete(["001", "999"])
    with pytest.raises(InputError, match="image '001' is given twice"):
        index().add(Images(np.ones((2, 4)), np.ones((2, 3)), ["001"] * 2, ["train"] * 2, ["first"] * 2))


def test_a_folder_or_run_without_an_index_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run the 'build_index' stage first"):
        image_index.open_folder(f"file://{tmp_path}")
    with pytest.raises(InputError, match="has not finished its stage 'build_index', which makes 'index'; to go on"):
        image_index.open_index(f"file://{tmp_path}")
