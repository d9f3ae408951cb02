"""The picture that a person names on the command line of the search."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from kindred.runtime.errors import InputError
from kindred.serving import search_command
from pictures import encoded, noise

BUNDLE = SimpleNamespace(model=SimpleNamespace(as_query=lambda pixels: pixels.shape))


def query(image: Path):
    return search_command._query(BUNDLE, SimpleNamespace(image_id=None, image=image))


def test_a_picture_of_any_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a::b #1?.png"
    path.write_bytes(encoded(noise(5, 7)))

    assert query(path) == (5, 7, 3)


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.png").write_text("hello")
    lines = {
        "gone.png": f"no such file or folder: {tmp_path}/gone.png",
        "pipe": f"not a file: {tmp_path}/pipe",
        ".": f"not a file: {tmp_path}",
    }

    for name, line in lines.items():
        with pytest.raises(InputError, match=f"^{line}$"):
            query(tmp_path / name)
    with pytest.raises(InputError, match="text.png is not a picture that can be read: "):
        query(tmp_path / "text.png")
