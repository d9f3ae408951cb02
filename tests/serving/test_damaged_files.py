"""Whatever happens to a file of an index or a model: the answers are right, or one line names it and what to do."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bundles
from kindred.runtime import checked_copy, file_checks, file_names, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle
from kindred.serving.bundle import Bundle

MODEL = (file_names.NETWORK, file_names.DESCRIPTION, file_names.EXTRACTOR)
DAMAGES = ("emptied", "cut", "a bit flipped", "deleted", "a folder")
IMAGES = 12


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that nobody changes."""
    return bundles.make(tmp_path_factory.mktemp("whole"), IMAGES, 3)


@pytest.fixture
def folder(whole: Path, tmp_path: Path, data: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(whole, tmp_path / "bundle"))


def opened(folder: Path, whole: Path) -> Bundle:
    """The bundle in a folder, with the checksums of its model as a mark has them."""
    return bundle.open_folder(folder, "test", checked_copy.checksums(storage.uri(str(whole)), MODEL, "sha256"))


def answers(current: Bundle) -> list[Any]:
    """What a bundle answers, in all its parts."""
    pixels = bundles.picture(IMAGES + 1)
    found = [current.pictures.file(bundles.id_of(number)) for number in range(IMAGES + 3)]
    for query in (current.image(bundles.id_of(IMAGES + 1)), current.model.as_query(pixels)):
        for name in ("l2", "cosine", "kullback_leibler"):
            found += current.gallery.search(query, 5, name)
    return [*found, current.splits, current.datasets, current.gallery.classes]


def damage(path: Path, how: str, at: float = 0.6) -> None:
    content = path.read_bytes()
    if how in ("deleted", "a folder"):
        path.unlink()
        if how == "a folder":
            path.mkdir()
    elif how == "a bit flipped":
        place = int(at * len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
    else:
        path.write_bytes(content[: len(content) // 2 if how == "cut" else 0])


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGES)
def test_each_file_that_is_damaged_is_named(how: str, folder: Path, whole: Path) -> None:
    right, files = answers(opened(folder, whole)), bundle.files(storage.uri(str(folder)))

    for name in files:
        damage(folder / name, how)
        with pytest.raises(InputError) as error:
            answers(opened(folder, whole))
        line = str(error.value)
        assert "\n" not in line
        assert str(folder / name) in line or (how == "deleted" and f"{(folder / name).parent}, which has no" in line)
        assert "`make run` with the RUN_ID and the CONF of its run makes it again, or `make fetch`" in line
        shutil.rmtree(folder / name) if how == "a folder" else (folder / name).unlink(missing_ok=True)
        shutil.copy(whole / name, folder / name)

    assert answers(opened(folder, whole)) == right
    assert len(files) > 20


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "deleted"])
def test_each_file_of_image_matching_that_is_damaged_is_named(how: str, data: Path, tmp_path: Path) -> None:
    whole = bundles.make_matching(tmp_path / "whole", 2, 2)
    folder = Path(shutil.copytree(whole, tmp_path / "bundle"))
    model = (*MODEL, file_names.GROUPS)
    written = checked_copy.checksums(storage.uri(str(whole)), model, "sha256")

    def matched() -> list[Any]:
        current = bundle.open_folder(folder, "test", written)
        views = [bundles.seen_id(thing, view) for thing in range(2) for view in range(3)]
        assert all(current.pictures.file(view) for view in views)
        return [current.search(current.image(view), bundle.Asked(3), False) for view in views]

    right, files = matched(), bundle.files(storage.uri(str(folder)))
    for name in files:
        damage(folder / name, how)
        with pytest.raises(InputError) as error:
            matched()
        line = str(error.value)
        assert str(folder / name) in line or (how == "deleted" and f"{(folder / name).parent}, which has no" in line)
        shutil.copy(whole / name, folder / name)

    assert matched() == right
    assert {"keypoints/about.json", file_names.GROUPS} < set(files)


def older(folder: Path) -> None:
    """Make an index of a version without checksums of it."""
    for part in bundle.PARTS:
        place = storage.uri(str(folder / part / file_names.ABOUT))
        if about := file_checks.read_sealed(place):  # keypoints are there in image matching alone
            storage.put_json(place, {name: value for name, value in about.items() if name != file_checks.FILES})


def test_an_older_bundle_has_no_checksums_and_is_opened(folder: Path, whole: Path) -> None:
    older(folder)

    assert answers(bundle.open_folder(folder, "test")) == answers(opened(whole, whole))


@pytest.mark.parametrize("how", ["emptied", "cut", "deleted", "a folder"])
def test_a_damaged_file_of_an_older_bundle_is_named_too(how: str, folder: Path, whole: Path) -> None:
    older(folder)
    older_files = shutil.copytree(folder, folder.with_name("older"))

    for name in bundle.files(storage.uri(str(folder))):
        damage(folder / name, how)
        with pytest.raises(InputError, match=r"`make run` with the RUN_ID") as error:
            answers(bundle.open_folder(folder, "test"))
        line = str(error.value)
        assert "\n" not in line
        assert str((folder / name).parent) in line
        shutil.rmtree(folder / name) if how == "a folder" else (folder / name).unlink(missing_ok=True)
        shutil.copy(older_files / name, folder / name)


@pytest.mark.slow
def test_no_bit_of_a_file_can_be_flipped_unseen(folder: Path, whole: Path) -> None:
    right, rng = answers(opened(whole, whole)), np.random.default_rng(0)
    seen = 0
    for name in bundle.files(storage.uri(str(folder))):
        for at in rng.random(2):
            damage(folder / name, "a bit flipped", at)
            try:
                unharmed, line = answers(opened(folder, whole)) == right, ""  # a space in about.json
            except InputError as error:
                unharmed, line = False, str(error)
                seen += 1
            assert unharmed or str(folder / name) in line
            shutil.copy(whole / name, folder / name)

    assert seen > 40
