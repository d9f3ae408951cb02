"""labels.csv as spreadsheets, scripts and three systems write it."""

from pathlib import Path

import pytest

from kindred.data import labels_csv
from kindred.runtime.errors import InputError

ROOT = "file:///photos"
NAMES = ["a.jpg", "b.jpg", "caf\u00e9.jpg", "deep/c.jpg", "with, comma.jpg", "line\nbreak.jpg", " lead.jpg"]
PLAIN = [("a.jpg", "cat", "train"), ("b.jpg", "dog", "train")]


def table(text: str | bytes, names: list[str] = NAMES, root: str = ROOT) -> list[tuple]:
    """File, label and part of each row that is matched with a file."""
    content = text.encode() if isinstance(text, str) else text
    rows = labels_csv.places(labels_csv.parse(content, "labels.csv"), names, root, "labels.csv")
    return [(name, row.label, row.part) for name, row in rows.items()]


def error(text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        table(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


TEXT = "file,label\na.jpg,cat\nb.jpg,dog\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-16-le"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\n\n , \n").encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        b"sep=;\r\n" + TEXT.replace(",", ";").encode(),
        TEXT.replace(",", " , ").encode(),
        TEXT.replace("file,label", " File ,LABEL").encode(),
        b'"file","label"\n"a.jpg","cat"\n"b.jpg", "dog"',
        b"label,note,file,\ncat,x,a.jpg,\ndog,y,b.jpg,,,\n",
        TEXT.encode() + b"a.jpg,cat\n./a.jpg, cat \n",
    ],
    ids=[
        *(
            "plain",
            "BOM",
            "UTF-16",
            "UTF-16 BE",
            "UTF-16 without BOM",
            "CRLF",
            "CR",
            "blank lines",
            "semicolons",
            "tabs",
        ),
        *("sep=", "spaces", "header", "quotes", "more columns", "the same twice"),
    ],
)
def test_a_table_is_read_however_it_was_saved(content: bytes) -> None:
    assert table(content) == PLAIN


def test_white_space_around_a_label_does_not_count_and_a_blank_one_is_none() -> None:
    rows = table("file,label\na.jpg, cat\nb.jpg,cat \ndeep/c.jpg, \ncaf\u00e9.jpg,cafe\u0301\n")

    assert [label for _, label, _ in rows] == ["cat", "cat", None, "caf\u00e9"]
    assert [part for _, _, part in rows] == ["train", "train", "unlabeled", "train"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("./a.jpg", "a.jpg"),
        ("deep//./x/../c.jpg", "deep/c.jpg"),
        ("deep\\c.jpg", "deep/c.jpg"),
        (".\\deep\\c.jpg", "deep/c.jpg"),
        ("/photos/deep/c.jpg", "deep/c.jpg"),
        ("file:///photos/a.jpg", "a.jpg"),
        (" a.jpg ", "a.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
        ('"with, comma.jpg"', "with, comma.jpg"),
        ('"line\nbreak.jpg"', "line\nbreak.jpg"),
        (" lead.jpg", " lead.jpg"),
        ('" lead.jpg"', " lead.jpg"),
    ],
)
def test_a_file_is_found_however_it_is_written(written: str, name: str) -> None:
    assert table(f"file,label\n{written},cat\n") == [(name, "cat", "train")]


def test_a_file_whose_name_has_two_code_points_is_found_by_one() -> None:
    assert table("file,label\ncaf\u00e9.jpg,cat\n", ["cafe\u0301.jpg"]) == [("cafe\u0301.jpg", "cat", "train")]


def test_of_two_files_that_differ_in_code_points_only_each_is_found_by_its_own() -> None:
    names = ["caf\u00e9.jpg", "cafe\u0301.jpg"]

    assert [name for name, _, _ in table(f"file,label\n{names[1]},cat\n{names[0]},dog\n", names)] == names[::-1]


def test_an_absolute_path_may_go_by_a_link_to_the_folder(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "photos").symlink_to("store")

    rows = table(f"file,label\n{tmp_path}/store/a.jpg,cat\n", root=f"file://{tmp_path}/photos")

    assert rows == [("a.jpg", "cat", "train")]


@pytest.mark.parametrize("written", ["s3://bucket/photos/a.jpg", "s3a://bucket/photos/a.jpg"])
def test_an_object_may_be_named_by_its_address(written: str) -> None:
    assert table(f"file,label\n{written},cat\n", root="s3://bucket/photos") == [("a.jpg", "cat", "train")]


@pytest.mark.parametrize(
    ("split", "part"),
    [("unlabelled", "unlabeled"), ("Train", "train"), ("TESTING", "test"), ("val", "validation"), (" ", "train")],
)
def test_splits_are_spelled_as_folders_are(split: str, part: str) -> None:
    assert table(f"file,label,split\na.jpg,cat,{split}\n") == [("a.jpg", "cat", part)]


def test_files_that_do_not_exist_are_counted_and_the_first_named() -> None:
    lines = "".join(f"{i}.png,cat\n" for i in range(20))

    assert error("file,label\na.jpg,cat\n" + lines) == (
        "labels.csv names 20 files that do not exist (or are hidden): '0.png' (line 3), '1.png' (line 4), "
        "'2.png' (line 5), '3.png' (line 6), '4.png' (line 7), ..."
    )
    assert error("file,label\n../a.jpg,cat\n") == (
        "labels.csv names 1 file that does not exist (or is hidden): '../a.jpg' (line 2)"
    )


def test_rows_that_contradict_are_named_with_both_lines() -> None:
    assert error("file,label\na.jpg,cat\n\n./a.jpg,dog\nb.jpg,dog\nb.jpg,\n") == (
        "labels.csv contradicts itself: 'a.jpg' is cat (line 2) and dog (line 4), "
        "'b.jpg' is dog (line 5) and without a label (line 6); "
        "for images with several labels self_training has the task multi_label"
    )
    assert error("file,label,split\na.jpg,cat,train\na.jpg,cat,test\n") == (
        "labels.csv contradicts itself: 'a.jpg' is in the split train (line 2) and test (line 3)"
    )


def test_lines_are_counted_as_an_editor_does() -> None:
    text = 'file,label\n"line\nbreak.jpg",cat\n\nb.jpg,dog\n9.jpg,cat\n'

    assert error(text).endswith("'9.jpg' (line 6)")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"name,label\na.jpg,cat", "labels.csv must have the columns file and label, not name, label"),
        (b"", "labels.csv must have the columns file and label, not none"),
        (b"\0" * 8, "labels.csv must have the columns file and label, not " + r"\x00" * 4),
        (b"\n\n", "labels.csv must have the columns file and label, not none"),
        (b"\x89PNG\r\n\x1a\n\0\0", "labels.csv line 1 is not UTF-8; save it as CSV UTF-8"),
        (b"file,label,label\na.jpg,cat,dog", "labels.csv has the column label twice"),
        (b"file,label\na.jpg,", "labels.csv labels no file"),
        (b"file,label", "labels.csv labels no file"),
        (b"file,label\na.jpg,caf\xe9", "labels.csv line 2 is not UTF-8; save it as CSV UTF-8"),
        (
            b"file,label,split\na.jpg,cat,dev",
            "labels.csv line 2: unknown split 'dev'; known: train, test, unlabeled, validation, query, gallery",
        ),
        (b"file,label\na.jpg,cat,big", "labels.csv line 2 has 3 values for 2 columns; quote what has commas"),
        (b'file,label\na.jpg,"cat\nb.jpg,dog', "labels.csv line 2 is no line of a CSV file: unexpected end of data"),
        (b"file,label\n,cat", "labels.csv names 1 file that does not exist (or is hidden): '' (line 2)"),
        (
            b"file,label\na.jpg," + b"x" * 200_000,
            "labels.csv line 2 is no line of a CSV file: field larger than field limit (131072)",
        ),
    ],
    ids=[
        *(
            "other columns",
            "empty",
            "zeros",
            "blank",
            "a picture",
            "a column twice",
            "no label",
            "only a header",
            "Latin-1",
        ),
        *("unknown split", "a comma", "an open quote", "no file", "huge"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_line(content: bytes, line: str) -> None:
    assert error(content) == line


def test_a_table_of_many_rows_is_read_soon() -> None:
    names = [f"{i:06d}.jpg" for i in range(50_000)]

    assert len(table("file,label\n" + "".join(f"{name},cat\n" for name in names), names)) == len(names)
