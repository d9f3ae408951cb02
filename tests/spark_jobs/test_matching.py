"""Queries matched with a gallery, for real: every stage of the pipeline, on pictures made here."""

import csv
import json
from pathlib import Path

import bench
import numpy as np
import pyarrow.dataset as ds
import pytest
from bench import run_stage
from PIL import Image

import kindred_airflow.match
from kindred.features import keras_setup
from kindred.learning import pixel_training
from kindred.runtime import arrow, file_names, memory, results, runs, stages, storage, tables
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.serving import champion
from kindred.serving.bundle import Asked

pytestmark = pytest.mark.spark

VALUES = {
    **{"dataset": "image_folder", "limit": None, "leaks": "drop", "to_match": True},
    **{"extractor": "rgb_histogram", "image_size": None, "weights": "imagenet", "preprocessing": "", "output": ""},
    **{"precision": "float32", "embedder": "auto", "seed": 0, "local_features": "none", "reranker": "auto"},
    **{"augment": "none", "matches": 3},
}
TRAINED = ("features", "mirrored")
PLACES = ("abbey", "bridge", "castle")


def texture(place: str) -> np.ndarray:
    """The picture of a place: blocks of random colours, uint8 [160, 160, 3]."""
    coarse = np.random.default_rng(PLACES.index(place)).integers(0, 256, (20, 20, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((160, 160), Image.Resampling.NEAREST))


def view(place: str, number: int) -> Image.Image:
    """A picture of a place from a little further to the side, in another light."""
    left = 6 * number
    part = Image.fromarray(texture(place)).crop((left, left // 2, left + 120, left // 2 + 120))
    noise = np.random.default_rng(number).normal(0, 4, (120, 120, 3))
    return Image.fromarray(np.clip(np.asarray(part) * (1 - 0.05 * number) + noise, 0, 255).astype(np.uint8))


def make_photos(folder: Path, training: bool = False) -> Path:
    """Of each place one query and three images of the gallery; a distractor, and an image without any detail."""
    for place in PLACES:
        for number in range(4):
            part = folder / ("gallery" if number else "query") / place
            part.mkdir(parents=True, exist_ok=True)
            view(place, number).save(part / f"{number}.png")
        if training:
            (folder / "train" / place).mkdir(parents=True)
            for number in range(4, 7):
                view(place, number).save(folder / "train" / place / f"{number}.png")
    Image.fromarray(np.random.default_rng(9).integers(0, 256, (120, 120, 3), np.uint8)).save(folder / "gallery/9.png")
    Image.new("RGB", (120, 120), "grey").save(folder / "gallery/plain.png")
    return folder


def match(run: str, photos: Path, **others: object) -> dict[str, float]:
    """All stages; the figures of the run."""
    runs.put_record(run, {"params": {"embedder": "auto"}, "defaults": {}})
    values = {**VALUES, "path": str(photos), **others}
    for stage in stages.MATCHING_ORDER:
        arguments = {name: values[name] for name in stages.MATCHING_ARGUMENTS[stage]}
        run_stage(stage, run, stages.MATCHING_JOBS, **arguments)
    return results.merge(run)


def test_each_query_finds_the_pictures_of_its_place_and_the_files_say_so(data, spark, tmp_path: Path) -> None:
    run, photos = runs.run_folder(stages.MATCHING, "places"), make_photos(tmp_path / "photos")

    figures = match(run, photos, local_features="sift", reranker="verified")

    assert figures["matching/reranked/top_1_accuracy"] == figures["matching/reranked/mean_average_precision"] == 1
    assert figures["matching/reranked/queries"] == figures["matching/reranked/groups"] == 3
    assert figures["keypoints/max_bytes"] <= 30_000
    by_query = json.loads(storage.read_bytes(storage.join(run, file_names.MATCHES)))
    found = by_query[str(photos / "query/abbey/0.png")]
    assert {Path(one["file"]).parent.name for one in found} == {"abbey"}
    assert min(one["inliers"] for one in found) >= 10
    assert all(one["same"] for one in found)
    assert figures["match/queries_with_same"] == 3
    assert (figures["groups/groups"], figures["groups/images"], figures["groups/largest"]) == (3, 9, 3)
    reader = RunReader(run, "report")
    place_of = {image_id: Path(origin).parent.name for image_id, origin in _origins(reader).items()}
    groups = reader.rows("groups").to_pandas()
    assert {frozenset(map(place_of.get, ids)) for _, ids in groups.groupby("group")["image_id"]} == {
        frozenset({place}) for place in PLACES
    }
    first, *others = reader.rows("matches").to_pylist()
    searched = champion.bundle_of_run(run)
    answer = searched.search(searched.image(first["query_id"]), Asked(3, rerank="verified"), False)
    assert [(one.image_id, one.inliers, one.same) for one in answer.neighbours] == [
        (one["image_id"], one["inliers"], one["same"]) for one in (first, *others[:2])
    ]
    assert searched.reranker == "verified_expansion"
    assert (searched.splits, len(searched.queries)) == (["gallery"], 3)
    moved = np.reshape(first["homography"], (3, 3)) @ [60, 60, 1]
    number = int(Path(_origins(reader)[first["image_id"]]).stem)
    assert moved[:2] / moved[2] == pytest.approx([60 - 6 * number, 60 - 3 * number], abs=2)
    page = Path(storage.local(results.report(run))).read_text()
    assert "The first match is right for 100.0% of 3 queries" in page
    assert "By keypoints, 3 of 3 queries find the same thing" in page
    assert "3 groups of 9 images; the largest has 3." in page


def _origins(reader: RunReader) -> dict[str, str]:
    return arrow.by_id(reader.rows("images"), "origin")


def test_new_queries_are_matched_with_the_gallery_of_a_run(
    data, spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, photos = runs.run_folder(stages.MATCHING, "gallery"), make_photos(tmp_path / "photos")
    match(run, photos, local_features="sift", reranker="verified")
    queries = tmp_path / "new"
    queries.mkdir()
    view("bridge", 5).save(queries / "bridge.png")
    Image.new("RGB", (40, 40), "grey").save(queries / "plain.png")
    (queries / "notes.txt").write_text("no image")
    for name, value in {"RUN": "gallery", "IMAGES": str(queries), "OUT": str(tmp_path / "out")}.items():
        monkeypatch.setenv(name, value)

    assert kindred_airflow.match.main() == 0

    found = json.loads((tmp_path / "out" / file_names.MATCHES).read_bytes())
    assert list(found) == [str(queries / "bridge.png"), str(queries / "plain.png")]
    assert {Path(one["file"]).parent.name for one in found[str(queries / "bridge.png")][:3]} == {"bridge"}
    assert {(one["inliers"], one["same"]) for one in found[str(queries / "plain.png")]} == {(0, False)}
    page = (tmp_path / "out" / "matches.html").read_text()
    assert "2 queries." in page
    printed = capsys.readouterr().out
    assert "2 queries matched, 1 find the same thing, 1 rejected" in printed
    assert f"rejected: {queries / 'notes.txt'}: " in printed


def test_new_queries_need_a_run_that_has_matched(data, spark, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = runs.run_folder("self_training", "other")
    runs.put_record(run, {"params": {}, "defaults": {}})
    for name, value in {"RUN": "self_training/other", "IMAGES": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "a.png").write_bytes(b"")

    with pytest.raises(InputError, match="other has matched nothing; a run of DAG=image_matching has"):
        kindred_airflow.match.main()


@pytest.mark.tensorflow
def test_an_embedder_learns_from_the_pixels_of_so_many_images_and_new_queries_need_no_tensorflow(
    data, spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run, photos = runs.run_folder(stages.MATCHING, "pixels"), make_photos(tmp_path / "photos")
    caplog.set_level("INFO", "kindred")
    monkeypatch.setattr(pixel_training, "MAX_EPOCHS", 1)
    monkeypatch.setattr(pixel_training, "MAX_IMAGES", 1)  # of 48 x 48 px: nine of 16 x 16

    figures = match(run, photos, extractor="pixels", image_size=16, embedder="autoencoder")

    assert figures["embed/learned_from"] == 9
    assert figures["embed/dimensions"] == pixel_training.VECTOR_SIZE
    assert "learns from 9 of 11 images of 16 x 16 px" in caplog.text
    monkeypatch.setattr(keras_setup, "keras", None)
    searched = champion.bundle_of_run(run)
    query = searched.query(np.asarray(view("abbey", 1)))
    (near,) = searched.gallery.search(query, 1, "cosine", itself=True)[0].neighbours
    assert near.origin.endswith(str(photos / "gallery/abbey/1.png"))
    assert near.distance == pytest.approx(0, abs=1e-5)


def test_an_embedder_that_learns_from_pixels_refuses_other_features(data, spark, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^embedder autoencoder learns from pixels: set extractor to pixels"):
        match(runs.run_folder(stages.MATCHING, "other"), make_photos(tmp_path / "photos"), embedder="autoencoder")


def test_another_run_on_the_same_images_makes_neither_images_nor_features_again(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", training=True)
    match(runs.run_folder(stages.MATCHING, "one"), photos)

    figures = match(runs.run_folder(stages.MATCHING, "two"), photos, seed=1)

    assert (figures["ingest/reused"], figures["featurize/reused"], figures["embed/reused"]) == (1, 1, 0)


def test_a_gallery_that_does_not_fit_into_memory_is_said_at_the_end_of_ingest_and_refused_before_it_is_tried(
    data, spark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "total", lambda: 10**8)
    caplog.set_level("INFO", "kindred")

    refusal = r"matching with 11 images of 512 features takes .* there are 0: take a larger"
    with pytest.raises(InputError, match=refusal):
        match(runs.run_folder(stages.MATCHING, "large"), make_photos(tmp_path / "photos"))

    assert "matching with 11 images of 1,280 features takes" in caplog.text


def test_files_that_are_no_images_are_listed(data, spark, tmp_path: Path) -> None:
    photos, run = make_photos(tmp_path / "photos"), runs.run_folder(stages.MATCHING, "broken")
    (photos / "gallery" / "broken.png").write_bytes(b"no image")

    match(run, photos)

    listed = storage.read_bytes(storage.join(run, file_names.REJECTED)).decode().splitlines()
    assert listed[0] == "origin,split,reason"
    assert listed[1].startswith(f"{photos}/gallery/broken.png,gallery,")
    assert len(listed) == 2


def test_no_stage_before_the_scores_sees_a_label_of_queries_or_gallery(data, spark, tmp_path: Path) -> None:
    run = runs.run_folder(stages.MATCHING, "labelled")

    figures = match(run, make_photos(tmp_path / "photos", training=True), embedder="supcon")

    labels = RunReader(run, "report").rows("labels", ["label"])["label"].to_pylist()
    assert sorted(labels) == sorted(3 * PLACES)
    assert figures["ingest/test"] == 0
    assert figures["embed/learned_from"] == 9
    assert RunReader(run, "report").arguments_of("match")["reranker"] == "none"
    for stage in stages.MATCHING_ORDER[2:6]:
        with pytest.raises(InputError, match="may not read 'truth'"):
            RunReader(run, stage).rows("truth")


def test_mirror_images_of_the_training_images_are_learned_from_where_a_run_asks_for_them(
    data, spark, tmp_path: Path
) -> None:
    photos, run = make_photos(tmp_path / "photos", training=True), runs.run_folder(stages.MATCHING, "flips")
    plain = runs.run_folder(stages.MATCHING, "plain")
    match(plain, photos, extractor="pixels", embedder="supcon")

    figures = match(run, photos, extractor="pixels", embedder="supcon", augment="flips")

    reader, other = RunReader(run, "report"), RunReader(plain, "report")
    where = ds.field("split") == tables.TRAIN
    (ids, features), (mirrored_ids, mirrored) = (reader.matrix(name, "features", where) for name in TRAINED)
    assert (figures["featurize/mirrored"], figures["featurize/reused"]) == (9, 0)
    assert ids.tolist() == mirrored_ids.tolist()
    assert not np.array_equal(features, mirrored)
    np.testing.assert_array_equal(features, other.matrix("features", "features", where)[1])
    assert "augment" not in other.arguments_of(stages.FEATURIZE)
    assert list(other.mark_of(stages.FEATURIZE)["tables"]) == ["features"]
    assert reader.file(stages.EMBED, file_names.NETWORK) != other.file(stages.EMBED, file_names.NETWORK)


def test_an_embedder_without_labels_refuses_mirror_images(data, spark, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"augment flips is for embedders that learn from features and labels .*for half_w"
    ):
        match(runs.run_folder(stages.MATCHING, "refused"), make_photos(tmp_path / "photos"), augment="flips")


def test_a_run_without_any_label_has_matches_and_no_scores(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    for path in sorted(photos.glob("*/*/*.png")):
        path.rename(path.parents[1] / f"{path.parent.name}-{path.name}")
    run = runs.run_folder(stages.MATCHING, "unlabelled")

    figures = match(run, photos)

    assert figures["matching/queries_without_label"] == figures["match/queries"] == 3
    assert "matching/reranked/top_1_accuracy" not in figures
    assert RunReader(run, "report").arguments_of("match")["reranker"] == "k_reciprocal"
    assert len(json.loads(storage.read_bytes(storage.join(run, file_names.MATCHES)))) == 3


def test_a_copy_of_a_query_in_the_gallery_is_reported_and_does_not_count(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    view("abbey", 0).save(photos / "gallery/abbey/copy.png")

    figures = match(runs.run_folder(stages.MATCHING, "copies"), photos)

    assert figures["matching/queries_with_copy"] == 1
    assert figures["matching/reranked/queries"] == 3


def test_junk_does_not_count_whatever_the_step(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    (photos / "gallery" / "broken.png").write_bytes(b"no image")
    plain = match(runs.run_folder(stages.MATCHING, "plain"), photos)
    lines = [f"query/abbey/0.png,gallery/{name}" for name in ("abbey/1.png", "9.png", "9.png", "broken.png")]
    (photos / "junk.csv").write_text("\n".join(["query,gallery", *lines, "query/bridge/0.png,gallery/plain.png"]))
    run = runs.run_folder(stages.MATCHING, "junk")

    figures = match(run, photos)

    assert "ingest/junk" not in plain
    assert (figures["ingest/junk"], figures["ingest/junk_rejected"], figures["ingest/reused"]) == (3, 1, 0)
    assert figures["ingest/rejected"] == plain["ingest/rejected"]
    assert figures["matching/queries_with_junk"] == 2
    scores = RunReader(run, "report").file(stages.SCORE_MATCHES, "queries.csv")
    relevant = {row["group"]: row["relevant"] for row in csv.DictReader(scores.decode().splitlines())}
    assert relevant == {"abbey": "2", "bridge": "3", "castle": "3"}
    for stage in stages.MATCHING_ORDER[1:7]:
        with pytest.raises(InputError, match="may not read 'junk'"):
            RunReader(run, stage).rows("junk")
    assert "2 for which images of the gallery are junk" in Path(storage.local(results.report(run))).read_text()
    (photos / "junk.csv").write_text("query,gallery\nquery/abbey/0.png,gallery/9.png\n")
    assert match(runs.run_folder(stages.MATCHING, "changed"), photos)["ingest/junk"] == 1


def test_junk_of_another_split_is_refused_before_the_images_are_read(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos")
    (photos / "junk.csv").write_text("query,gallery\ngallery/9.png,gallery/plain.png\n")

    with pytest.raises(InputError, match=r"'gallery/9.png' \(line 2\) is in the split gallery, not query"):
        match(runs.run_folder(stages.MATCHING, "swapped"), photos)


@pytest.mark.parametrize("missing", ["query", "gallery"])
def test_queries_and_a_gallery_are_both_needed(data, spark, tmp_path: Path, missing: str) -> None:
    photos = make_photos(tmp_path / "photos", training=True)
    (photos / missing).rename(tmp_path / "elsewhere")

    with pytest.raises(
        InputError, match=rf"no {missing} image in .*: put the images to match into query/ and gallery/"
    ):
        match(runs.run_folder(stages.MATCHING, "lacking"), photos)


def test_keypoints_are_asked_for_by_name(data, spark, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="reranker verified compares keypoints: choose local_features"):
        match(runs.run_folder(stages.MATCHING, "none"), make_photos(tmp_path / "photos"), reranker="verified")


def test_self_training_counts_queries_and_gallery_and_leaves_them_alone(data, spark, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", training=True)
    (photos / "unlabeled").mkdir()
    view("abbey", 8).save(photos / "unlabeled/8.png")
    view("abbey", 4).save(photos / "gallery/abbey/trained.png")
    (photos / "junk.csv").write_text("query,gallery\nno such file,nor this\n")
    run = runs.run_folder(stages.SELF_TRAINING, "beside")
    runs.put_record(run, {"params": {}, "defaults": {}})
    values = {**bench.defaults(), **VALUES, "path": str(photos), "label_choice": "all"}
    for stage in stages.ORDER:
        if stage != stages.ATTACK:
            run_stage(stage, run, **{name: values[name] for name in stages.ARGUMENTS[stage]})

    figures, reader = results.merge(run), RunReader(run, "report")
    assert (figures["ingest/query"], figures["ingest/gallery"]) == (3, 12)
    assert figures["ingest/train"] + figures["ingest/test"] == 9
    assert set(reader.rows("predictions_final", ["split"])["split"].to_pylist()) <= set(tables.SPLITS)
    assert figures["build_index/images"] == figures["ingest/train"] + 1
    assert reader.facts_of("ingest")["classes"] == sorted(PLACES)
    assert "abbey" in Path(storage.local(results.report(run))).read_text()
    listed = list(csv.DictReader(storage.read_bytes(storage.join(run, file_names.PREDICTIONS)).decode().splitlines()))
    assert {row["given_label"] for row in listed if row["split"] in tables.MATCHED} == {""}
    assert sum(row["given_label"] != "" for row in listed) == figures["ingest/train"]
