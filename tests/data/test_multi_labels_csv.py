"""labels.csv where images may have several labels."""

import json

import pytest

from kindred.data import labels_csv, multi_labels_csv
from kindred.runtime.errors import InputError

NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def table(text: str) -> dict[str, tuple[str, dict[str, bool] | None]]:
    """Split and known classes of each file that a table names."""
    rows = labels_csv.by_file(labels_csv.parse(text.encode(), "labels.csv"), NAMES, "file:///photos", "labels.csv")
    places = multi_labels_csv.places(rows, "labels.csv")
    return {name: (place.split, place.label and json.loads(place.label)) for name, place in places.items()}


def error(text: str) -> str:
    with pytest.raises(InputError) as caught:
        table(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.jpg,sea|sunset\nb.jpg,sea\n",
        "file,label\na.jpg,sea\nb.jpg,sea\na.jpg,sunset\n",
        "file;label\na.jpg; sunset | sea |\nb.jpg;sea|sea\n",
        "file\tlabel\na.jpg\tsea||sunset\nb.jpg\tsea\nb.jpg\tsea\n",
        "file|label\na.jpg|sea\na.jpg|sunset\nb.jpg|sea\n",
        'file|label\na.jpg|"sea|sunset"\nb.jpg|sea\n',
    ],
    ids=["in one cell", "in several rows", "spaces and a last bar", "blank ones", "bars between cells", "quoted"],
)
def test_the_labels_of_a_file_are_all_that_it_has(text: str) -> None:
    assert table(text) == {
        "a.jpg": ("train", {"sea": True, "sunset": True}),
        "b.jpg": ("train", {"sea": True, "sunset": False}),
    }


def test_a_blank_label_is_not_known_and_none_of_the_classes_is() -> None:
    assert table("file,label,split\na.jpg,sea,\nb.jpg,,\nc.jpg,(none),test\nd.jpg,  ,train\n") == {
        "a.jpg": ("train", {"sea": True}),
        "b.jpg": ("unlabeled", None),
        "c.jpg": ("test", {"sea": False}),
        "d.jpg": ("train", None),
    }


def test_a_class_that_is_in_the_test_part_alone_is_absent_elsewhere() -> None:
    known = table("file,label,split\na.jpg,sea,train\nb.jpg,desert,test\n")

    assert known["a.jpg"] == ("train", {"desert": False, "sea": True})


def test_labels_of_images_to_match_are_no_classes_of_the_others() -> None:
    known = table("file,label,split\na.jpg,sea,\nb.jpg,abbey,gallery\n")

    assert known == {"a.jpg": ("train", {"sea": True}), "b.jpg": ("gallery", {"abbey": True, "sea": False})}


def test_with_a_column_present_what_no_row_says_is_not_known() -> None:
    text = "file,label,present\na.jpg,sea,1\na.jpg,desert,No\nb.jpg,desert, TRUE \nc.jpg,,\nd.jpg,sea|desert,0\n"

    assert table(text) == {
        "a.jpg": ("train", {"desert": False, "sea": True}),
        "b.jpg": ("train", {"desert": True}),
        "c.jpg": ("unlabeled", None),
        "d.jpg": ("train", {"desert": False, "sea": False}),
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "file,label,present\na.jpg,sea,1\nb.jpg,sea,1\na.jpg,sea,0\n",
            "labels.csv contradicts itself: 'a.jpg' has sea (line 2) and has not (line 4)",
        ),
        (
            "file,label\na.jpg,sea\na.jpg,(none)\n",
            "labels.csv contradicts itself: 'a.jpg' is (none) (line 3) and sea (line 2)",
        ),
        (
            "file,label,split\na.jpg,sea,train\na.jpg,desert,test\n",
            "labels.csv contradicts itself: 'a.jpg' is in the split train (line 2) and test (line 3)",
        ),
        (
            "file,label\na.jpg,sea\na.jpg,\n",
            "labels.csv contradicts itself: 'a.jpg' is sea (line 2) and without a label (line 3)",
        ),
        (
            "file,label,split\na.jpg,,test\na.jpg,sea,train\n",
            "labels.csv contradicts itself: 'a.jpg' is in the split test (line 2) and train (line 3)",
        ),
        ("file,label,present\na.jpg,sea,\n", "labels.csv line 2: present must be 1 or 0, not ''"),
        ("file,label,present\na.jpg,sea\n", "labels.csv line 2: present must be 1 or 0, not ''"),
        ("file,label,present\na.jpg,sea,0.7\n", "labels.csv line 2: present must be 1 or 0, not '0.7'"),
        ("file,label,present\na.jpg,,1\n", "labels.csv line 2: present is '1', but there is no label"),
        ("file,label,present\na.jpg,(none),1\n", "labels.csv line 2: '(none)' names no class"),
        ("file,label\na.jpg,|\n", "labels.csv line 2: '|' names no class"),
        ("file,label\na.jpg,(none)\nb.jpg,\n", "labels.csv has no label but (none)"),
        ("file,label\na.jpg,\n", "labels.csv labels no file"),
        ("file,label,split\na.jpg,abbey,query\n", "labels.csv labels no file"),
        (
            "file,label\na.jpg,sea|(none)\n",
            "labels.csv has classes that cannot be one of several labels: '(none)'; rename them: no '|', and not "
            "(none)",
        ),
        ("file,label,present,present\na.jpg,sea,1,1\n", "labels.csv has the column present twice"),
        ("file,label\nx.jpg,sea\n", "labels.csv names 1 file that does not exist (or is hidden): 'x.jpg' (line 2)"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: str) -> None:
    assert error(text) == line
