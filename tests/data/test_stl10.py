"""STL-10: its files and its archive, whole and broken."""

import io
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from dataset_samples import counts, input_error, read
from dataset_samples import stl10 as sample
from dataset_samples.stl10 import CLASSES, packed
from kindred.data import decoding, images, ingest
from kindred.data.datasets.stl10 import IMAGE_BYTES
from kindred.runtime import job, variants
from kindred.runtime.errors import InputError
from pictures import noise


@pytest.mark.spark
@pytest.mark.parametrize("kind", ["files", "folder above", "archive", "folder with archive"])
def test_stl10_is_read_from_its_files_or_its_archive(spark, kind: str, tmp_path: Path) -> None:
    files = sample.make(tmp_path / "stl10_binary")
    paths = {"files": files, "folder above": tmp_path}
    path = paths.get(kind) or packed(files)
    if kind == "folder with archive":
        files.rename(tmp_path / "elsewhere")
        path = tmp_path

    rows = read(spark, "stl10", path)

    assert counts(rows) == {
        **{("train", name): 1 for name in CLASSES[:3]},
        **{("test", name): 1 for name in CLASSES[:2]},
        ("unlabeled", None): 2,
    }
    # Column-major in the file: the decoded picture stands upright.
    assert (images.decode(bytes(rows[2].content)) == noise(96, 96, 3, 0)).all()


def test_an_archive_is_unpacked_once(tmp_path: Path, messages: list[str]) -> None:
    archive, module = packed(sample.make(tmp_path / "stl10_binary")), variants.load("dataset", "stl10")

    one, other = (module.sources(str(archive), messages.append) for _ in range(2))

    assert one == other
    assert messages == [f"unpacking {archive}"]


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_an_archive_that_is_truncated_is_refused_and_leaves_nothing(share: float, tmp_path: Path, data: Path) -> None:
    archive = packed(sample.make(tmp_path / "stl10_binary"))
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])

    assert input_error("stl10", archive).startswith(f"{archive} is truncated or not an archive: ")
    assert not list((data / "cache/unpacked").iterdir())


def archive_of(folder: Path, **members: tarfile.TarInfo) -> Path:
    """An archive of a sample's files, and of members that are all zeros, or links."""
    archive = packed(sample.make(folder / "stl10_binary"))
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for name, member in members.items():
            member.name = name
            tar.addfile(member, Zeros() if member.isfile() else None)
        tar.add(folder / "stl10_binary", "stl10_binary")
    return archive


class Zeros(io.RawIOBase):
    """As many zeros as are read."""

    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def member(size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """A member of an archive."""
    info = tarfile.TarInfo()
    info.size, info.type, info.linkname = size, kind, link
    return info


@pytest.mark.parametrize("name", ["class_names.txt", "stl10_binary/test_y.bin", "../../train_y.bin"])
def test_a_file_that_unpacks_to_more_than_stl10_has_is_refused_and_leaves_nothing(
    name: str, tmp_path: Path, data: Path
) -> None:
    archive = archive_of(tmp_path, **{name: member(2**26)})

    assert input_error("stl10", archive).startswith(
        f"{archive} is not STL-10: its {Path(name).name} has 67,108,864 bytes"
    )
    assert not list((data / "cache/unpacked").iterdir())


def test_what_an_archive_holds_beside_stl10_is_not_unpacked(tmp_path: Path, data: Path, messages: list[str]) -> None:
    others = {"bomb.bin": member(2**26), "/tmp/outside.txt": member(9), "fold_indices.txt": member(9)}
    links = {"train_X.bin": member(kind=tarfile.SYMTYPE, link="/etc/passwd"), "pipe": member(kind=tarfile.FIFOTYPE)}
    archive = archive_of(tmp_path, **others, **links)

    variants.load("dataset", "stl10").sources(str(archive), messages.append)

    (folder,) = (data / "cache/unpacked").iterdir()
    assert {path.name for path in folder.iterdir()} == set(variants.load("dataset", "stl10").MAX_BYTES)
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_an_archive_without_a_file_of_stl10_names_it(tmp_path: Path, data: Path) -> None:
    folder = sample.make(tmp_path / "stl10_binary")
    (folder / "test_y.bin").unlink()
    archive = packed(folder)

    assert input_error("stl10", archive) == f"{archive} holds no test_y.bin"
    assert not list((data / "cache/unpacked").iterdir())


def test_a_full_disk_is_named_and_nothing_is_left(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, messages: list[str]
) -> None:
    archive = packed(sample.make(tmp_path / "stl10_binary"))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1))

    with pytest.raises(OSError, match="No space left") as caught:
        variants.load("dataset", "stl10").sources(str(archive), messages.append)

    assert job.explain(caught.value)[0].startswith("no space is left on a disk; make room, or fix KINDRED_DATA")
    assert not list((data / "cache/unpacked").iterdir())


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stl10.tar.gz").write_text("hello")

    assert "is truncated or not an archive: " in input_error("stl10", tmp_path / "stl10.tar.gz")


def test_a_folder_without_stl10_is_refused(tmp_path: Path) -> None:
    assert input_error("stl10", tmp_path) == f"neither train_X.bin nor stl10_binary.tar.gz is in {tmp_path}"


@pytest.mark.spark
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("train_y.bin", bytes([1, 2]), "train_y.bin has 2 labels for 3 images"),
        ("test_y.bin", bytes([1, 11]), "test_y.bin has labels outside 1 to 10"),
        ("test_y.bin", bytes([0, 1]), "test_y.bin has labels outside 1 to 10"),
        ("unlabeled_X.bin", bytes(IMAGE_BYTES + 1), "unlabeled_X.bin is truncated"),
    ],
    ids=["too few labels", "label 11", "label 0", "truncated"],
)
def test_stl10_files_that_do_not_fit_are_named(spark, name: str, content: bytes, line: str, tmp_path: Path) -> None:
    path = sample.make(tmp_path / "stl10_binary")
    (path / name).write_bytes(content)

    with pytest.raises(InputError, match=line):
        read(spark, "stl10", path)


@pytest.mark.spark
def test_the_real_stl10_has_its_images_and_its_leaks(spark, shared_data: Path) -> None:
    archive, module = shared_data / "stl10_dev/stl10_binary.tar.gz", variants.load("dataset", "stl10")
    decoded = decoding.decode(module.read(spark, module.sources(str(archive), lambda line: None), None))

    left_out = ingest.duplicates(decoded, "drop").collect()

    assert dict(decoded.groupBy("split").count().collect()) == {"train": 1000, "test": 1000, "unlabeled": 3040}
    assert Counter((row.split, row.reason) for row in left_out) == {("unlabeled", ingest.LEAKED): 40}
    decoded.unpersist()
