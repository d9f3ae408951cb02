"""A limit takes some of every class, always the same images."""

from collections import Counter

from kindred.data import image_limit
from kindred.data.image_limit import Candidate

IMAGES = [Candidate("train", "cat", f"cat/{i}.png") for i in range(50)]
IMAGES += [Candidate("train", "dog", f"dog/{i}.png") for i in range(20)]
IMAGES += [Candidate("train", "eel", "eel/1.png"), Candidate("test", "cat", "test/1.png")]
IMAGES += [Candidate("unlabeled", None, f"{i}.png") for i in range(9)]


def names(limit: int | None, images: list[Candidate] = IMAGES) -> list[str]:
    """The names of what is taken."""
    return [image.name for image, taken in zip(images, image_limit.taken(images, limit), strict=True) if taken]


def test_each_class_takes_its_turn_until_it_has_no_more() -> None:
    taken = Counter(name.split("/")[0] if "/" in name else "pile" for name in names(9))

    assert taken == {"cat": 4, "dog": 4, "eel": 1, "test": 1, "pile": 9}


def test_the_order_of_the_files_does_not_matter() -> None:
    assert sorted(names(9)) == sorted(names(9, IMAGES[::-1]))
    assert names(9) != sorted(names(None))[:9]


def test_no_limit_takes_all() -> None:
    assert names(None) == names(1000) == [image.name for image in IMAGES]
