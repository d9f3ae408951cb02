"""Label tables of Open Images are read in Spark by ranges of bytes."""

from pathlib import Path

import pytest

from kindred.data import open_images_files, open_images_labels, open_images_rows
from kindred.runtime import job
from kindred.runtime.errors import InputError

HEADER = "ImageID,Source,LabelName,Confidence\n"
NAME = "oidv7-val-annotations-human-imagelabels.csv"


def table(folder: Path, lines: str, name: str = NAME) -> open_images_files.Files:
    (folder / name).write_text(HEADER + lines)
    return open_images_files.find(str(folder))


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_ranges_of_any_size_have_each_line_once_and_in_order(tmp_path: Path, size: int) -> None:
    lines = "".join(f"image{number},verification,/m/{number},{number % 2}\n" for number in range(12))
    (found,) = table(tmp_path, lines.rstrip("\n")).labels

    parts = [
        open_images_rows._lines(found.file.uri, start, min(start + size, found.file.size))
        for start in range(0, found.file.size, size)
    ]

    assert b"".join(parts).decode() == lines.rstrip("\n")


def test_places_grow_from_row_to_row_range_to_range_and_table_to_table() -> None:
    content = b"a,verification,/m/1,1\nb,machine,/m/1,0.5\n"

    batches = [open_images_rows._parsed(content, number, start, "file:///x.csv") for number, start in ((0, 9), (1, 9))]

    places = [place for batch in batches for place in batch.column("place").to_pylist()]
    assert places == sorted(set(places))
    assert batches[0].column("by_person").to_pylist() == [True, False]


def test_a_confidence_that_is_none_is_named() -> None:
    with pytest.raises(
        InputError, match="Confidence of /m/1 in a must be 0 .absent. or 1 .present. for 'verification'"
    ):
        open_images_rows._parsed(b"a,verification,/m/1,0.5\n", 0, 0, "file:///x.csv")


def test_a_source_of_labels_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no table of machine labels in .*; set label_source to human"):
        open_images_labels.tables_of(table(tmp_path, ""), "machine")


@pytest.mark.spark
def test_rows_say_what_the_same_rows_say_one_by_one(spark, tmp_path: Path) -> None:
    from kindred.data import label_counts

    table(
        tmp_path,
        "a,verification,/m/1,1\na,verification,/m/2,0\nb,verification,/m/1,0\n",
        NAME.replace("oidv7-val", "validation"),
    )
    files = table(tmp_path, "b,verification,/m/1,1\nc,machine,/m/1,0.4\nc,machine,/m/2,0.9\na,machine,/m/2,1\n")
    one_by_one = (row for found in files.labels for row in open_images_labels.read(found, ["/m/1", "/m/2"]))
    known = open_images_labels.resolve(one_by_one, "both", 0.5)

    verdicts = label_counts.verdicts(open_images_rows.rows(spark, files.labels), 0.5, 1).collect()

    assert {(row["image_id"], row["label"]): row["present"] for row in verdicts} == {
        pair: said.present for pair, said in known.known.items()
    }
    assert sum(row["contradicting"] for row in verdicts) == known.contradictions == 1


@pytest.mark.spark
def test_a_bad_row_ends_the_job_with_one_line(spark, tmp_path: Path) -> None:
    files = table(tmp_path, "a,verification,/m/1,2\n")

    with pytest.raises(Exception, match="InputError") as raised:
        open_images_rows.rows(spark, files.labels).collect()

    line, code = job.explain(raised.value)
    assert "Confidence of /m/1 in a must be" in line
    assert code == job.BAD_INPUT
