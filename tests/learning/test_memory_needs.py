"""What does not fit into memory is said before it is tried."""

import pytest

from kindred.learning import memory_needs
from kindred.runtime import memory
from kindred.runtime.errors import InputError


@pytest.fixture(autouse=True)
def _sixteen_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "total", lambda: 16 * 10**9)


def test_a_million_images_of_ten_classes_fit_into_sixteen_gigabytes() -> None:
    assert memory_needs.shortage(1_000_000, 1280, 10) is None

    memory_needs.check({"ingest/train": 1_000, "ingest/unlabeled": 999_000}, {"featurize/dimensions": 1280.0}, 10)


@pytest.mark.parametrize(("images", "measured"), [(48_000, 1.357), (96_000, 2.027), (192_000, 3.441)])
def test_what_is_needed_is_what_was_measured(images: int, measured: float) -> None:
    assert memory_needs.gigabytes(images, 1280, 10) == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize(("images", "classes", "needed"), [(3_000_000, 10, "45"), (1_000_000, 100, "66")])
def test_more_images_or_classes_are_an_error_that_says_what_to_do(images: int, classes: int, needed: str) -> None:
    message = (
        f"{images:,} images with 1,280 features and {classes} classes take about {needed} GB .* there are 16: .* limit"
    )

    with pytest.raises(InputError, match=message):
        memory_needs.check({"ingest/train": images, "ingest/unlabeled": 0}, {"featurize/dimensions": 1280}, classes)


def test_a_gallery_that_is_too_large_to_match_with_is_said() -> None:
    assert memory_needs.matching_shortage(700_000, 1280) is None

    lacking = memory_needs.matching_shortage(2_000_000, 1280)

    assert lacking is not None
    assert lacking.startswith("matching with 2,000,000 images of 1,280 features takes about 43 GB of memory in one")


def test_a_containers_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.undo()
    machine = memory.total()
    limit, unlimited = tmp_path / "limit", tmp_path / "max"
    limit.write_text("1000000\n")
    unlimited.write_text("max\n")

    monkeypatch.setattr(memory, "CONTROL_GROUPS", (unlimited, tmp_path / "none"))
    assert memory.total() >= machine > 1_000_000
    monkeypatch.setattr(memory, "CONTROL_GROUPS", (unlimited, limit))
    assert memory.total() == 1_000_000
