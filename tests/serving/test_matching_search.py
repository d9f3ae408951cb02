"""The search of a run of image matching, over HTTP: re-rankers, keypoints, and that nothing may match."""

import numpy as np
import pytest
from fastapi.testclient import TestClient

import bundles
from kindred.data import images
from kindred.serving import bundle, search_command
from kindred.serving.page import app

THINGS, VIEWS = 3, 3
QUERY, STRANGER = bundles.seen_id(0, VIEWS), bundles.seen_id(THINGS, VIEWS)
VIEW_IDS = {bundles.seen_id(0, view) for view in range(VIEWS)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bundles.make_matching(tmp_path_factory.mktemp("bundle"), THINGS, VIEWS)


@pytest.fixture(scope="module")
def served(folder):
    return bundle.open_folder(folder, "image_matching/things")


@pytest.fixture(scope="module")
def client(served):
    return TestClient(app.application(lambda: served))


def found(client, **asked) -> dict:
    return client.get("/api/search", params={"k": VIEWS, **asked}).json()


def test_about_says_that_there_are_no_classes_and_which_re_rankers(client) -> None:
    about = client.get("/api/about").json()

    assert (about["classes"], about["labelled"], about["regions"]) == ([], 0, False)
    assert about["distances"] == {"l2": "features", "cosine": "features"}
    assert about["local_features"] == "sift"
    assert about["reranker"] == "verified_expansion"
    assert {"none", "k_reciprocal", "verified", "verified_expansion"} <= set(about["rerankers"])


def test_the_views_of_the_same_thing_come_first_and_are_told_to_be_the_same(client) -> None:
    answer = found(client, image_id=QUERY, k=VIEWS + 1)

    *same, other = answer["nearest"]
    assert {image["image_id"] for image in same} == VIEW_IDS
    assert all(image["same"] and image["inliers"] >= 8 for image in same)
    assert other["same"] is False
    assert (answer["match"], answer["reranker"], answer["exact"]) == (True, "verified_expansion", True)
    assert answer["nearest"][0]["prediction"] is answer["query"]["prediction"] is None
    assert answer["query"]["probabilities"] == {}


def test_no_match_is_an_answer(client) -> None:
    answer = found(client, image_id=STRANGER, k=THINGS * VIEWS)

    assert answer["match"] is False
    assert len(answer["nearest"]) == THINGS * VIEWS
    assert not any(image["same"] for image in answer["nearest"])


def test_by_distance_alone_nothing_is_said_of_the_same_thing(client, served) -> None:
    answer = found(client, image_id=QUERY, rerank="none")

    (plain,) = served.gallery.search(served.image(QUERY), VIEWS, "cosine")
    assert [image["image_id"] for image in answer["nearest"]] == [one.image_id for one in plain.neighbours]
    assert (answer["match"], answer["reranker"]) == (None, None)
    assert answer["nearest"][0]["inliers"] is None


def test_the_least_similar_and_other_distances_are_by_distance(client) -> None:
    assert found(client, image_id=QUERY, distance="l2")["reranker"] is None
    both = found(client, image_id=QUERY, side="both")
    assert both["reranker"] == "verified_expansion"
    assert both["farthest"][0]["inliers"] is None


def test_an_uploaded_picture_is_compared_by_its_keypoints(client) -> None:
    content = images.encode(bundles.seen(0, VIEWS + 1))

    answer = client.post("/api/search", params={"k": VIEWS}, content=content).json()

    assert {image["image_id"] for image in answer["nearest"]} == VIEW_IDS
    assert answer["match"] is True


def test_an_image_of_the_gallery_finds_itself_only_where_it_is_asked_to(client) -> None:
    own = bundles.seen_id(0, 0)

    assert own not in [image["image_id"] for image in found(client, image_id=own)["nearest"]]
    itself = found(client, image_id=own, itself=True)["nearest"][0]
    assert (itself["image_id"], itself["duplicate"]) == (own, True)


def test_a_filter_leaves_images_out_before_they_are_put_into_order(client) -> None:
    kept = [bundles.seen_id(0, 1), bundles.seen_id(1, 0), bundles.seen_id(2, 0)]

    answer = found(client, image_id=QUERY, id=kept)

    assert answer["nearest"][0]["image_id"] == kept[0]
    assert answer["nearest"][0]["same"] is True
    assert {image["image_id"] for image in answer["nearest"]} == set(kept)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"rerank": "verified", "distance": "l2"}, "verified puts the answers of an exact search by cosine into order"),
        ({"distance": "kullback_leibler"}, "the index was built without a classifier; known: l2, cosine"),
        ({"class": "cat"}, "unknown class 'cat'; known: none, as the index was built without a classifier"),
        ({"min_confidence": 0.5}, "no image has a confidence to filter by"),
        ({"k": 100}, "k is 100; the index has 9 images"),
        ({"rerank": "verify"}, "rerank: Input should be 'auto'"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(client, asked, line) -> None:
    answer = client.get("/api/search", params={"image_id": QUERY, **asked})

    assert answer.status_code == 400
    assert line in answer.json()["error"]


def test_the_keypoints_that_agree_lie_where_the_pictures_say(client) -> None:
    pair = client.get("/api/keypoints", params={"image_id": QUERY, "other": bundles.seen_id(0, 0)}).json()

    assert pair["same"] is True
    assert 8 <= len(pair["image"]) == len(pair["other"]) <= pair["inliers"]
    assert 0 <= np.min(pair["image"]) < np.max(pair["image"]) <= 1


def test_the_keypoints_of_an_upload_are_compared_likewise(client) -> None:
    content = images.encode(bundles.seen(0, VIEWS))
    other = {"other": bundles.seen_id(0, 0)}

    sent = client.post("/api/keypoints", params=other, content=content).json()

    stored = client.get("/api/keypoints", params={"image_id": QUERY, **other}).json()
    assert (sent["inliers"], sent["same"]) == (stored["inliers"], True)
    assert np.allclose(sent["image"], stored["image"], atol=2e-4)
    strangers = client.get("/api/keypoints", params={"image_id": STRANGER, **other}).json()
    assert strangers["same"] is False


def test_without_local_features_there_are_re_rankers_that_need_none(tmp_path) -> None:
    plain = bundle.open_folder(bundles.make_matching(tmp_path, THINGS, VIEWS, "none"), "image_matching/plain")
    client = TestClient(app.application(lambda: plain))

    answer = found(client, image_id=QUERY)
    assert (answer["reranker"], answer["match"]) == ("k_reciprocal", None)
    refused = client.get("/api/search", params={"image_id": QUERY, "rerank": "verified"}).json()["error"]
    assert refused.startswith("verified compares keypoints, and image_matching/plain has none; known: k_reciprocal")
    refused = client.get("/api/keypoints", params={"image_id": QUERY, "other": QUERY})
    assert refused.status_code == 400
    assert "has no keypoints to compare" in refused.json()["error"]


def test_a_run_with_a_classifier_can_be_re_ranked_by_shared_neighbours(tmp_path) -> None:
    classified = bundle.open_folder(bundles.make(tmp_path, 60, 6), "self_training/test")
    client = TestClient(app.application(lambda: classified))
    asked = {"image_id": bundles.id_of(60), "k": 5}

    plain = client.get("/api/search", params=asked).json()
    ordered = client.get("/api/search", params={**asked, "rerank": "k_reciprocal"}).json()

    assert plain["reranker"] is None
    assert ordered["reranker"] == "k_reciprocal"
    assert ordered["nearest"][0]["prediction"] is not None
    distance = {image["image_id"]: image["distance"] for image in plain["nearest"]}
    for image in ordered["nearest"]:
        assert image["distance"] == pytest.approx(distance.get(image["image_id"], image["distance"]), abs=1e-6)


def test_a_gallery_that_does_not_fit_into_memory_is_refused(folder, monkeypatch) -> None:
    from kindred.runtime import memory

    monkeypatch.setattr(memory, "total", lambda: 10)
    client = TestClient(app.application(lambda: bundle.open_folder(folder, "image_matching/things")))

    answer = client.get("/api/search", params={"image_id": QUERY})

    assert answer.status_code == 400
    assert "of memory in one process" in answer.json()["error"]


def test_the_console_says_the_same(served, monkeypatch, capsys) -> None:
    monkeypatch.setattr(search_command, "_bundle", lambda run: served)

    search_command.main(["--image-id", QUERY, "--k", "3"])
    lines = capsys.readouterr().out.splitlines()
    search_command.main(["--image-id", STRANGER, "--k", "3"])

    assert (
        lines[1]
        == "the most similar images of image_matching/things by cosine (exact), re-ranked by verified_expansion"
    )
    assert lines[3].split() == ["distance", "inliers", "same", "thing", "split", "image"]
    assert [line.split()[3] for line in lines[4:]] == ["same"] * 3
    assert "no match: none of these shows the same thing" in capsys.readouterr().out
