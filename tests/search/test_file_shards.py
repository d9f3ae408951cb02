"""The files of an index by the ids of its images."""

import pytest

import bundles
from kindred.data import images
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.search import file_shards


def test_each_image_comes_back_by_its_id(tmp_path) -> None:
    bundles.put_pictures(tmp_path, range(50), count=3)

    opened = file_shards.open_folder(tmp_path)

    assert all(opened.file(bundles.id_of(i)) == images.encode(bundles.picture(i)) for i in range(50))


@pytest.mark.parametrize("image_id", ["", "0" * 32, "f" * 32, "../../etc/passwd", "0" * 31 + "g", "A" * 32, "0" * 64])
def test_what_is_no_id_of_an_image_finds_nothing(tmp_path, image_id) -> None:
    bundles.put_pictures(tmp_path, range(5))

    assert file_shards.open_folder(tmp_path).file(image_id) is None


def test_a_shard_without_images_has_no_files(tmp_path) -> None:
    folder = storage.uri(str(tmp_path))
    checksums = file_shards.write(folder, 1, ["f" * 32], [b"content"])
    file_shards.finish(folder, 2, [1], checksums)

    opened = file_shards.open_folder(tmp_path)

    assert opened.file("f" * 32) == b"content"
    assert opened.file("0" * 32) is None


def test_a_folder_that_does_not_say_it_is_whole_is_not_opened(tmp_path) -> None:
    file_shards.write(storage.uri(str(tmp_path)), 0, ["f" * 32], [b"content"])

    with pytest.raises(InputError, match="run the 'build_index' stage again"):
        file_shards.open_folder(tmp_path)
