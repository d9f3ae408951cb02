"""`make search` with TEXT: an answer on the console instead of the page."""

from pathlib import Path

import pytest

import bundles
from kindred.serving import bundle, search_command
from kindred_airflow import search


def test_with_text_it_asks_the_run_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = bundle.open_folder(bundles.make(tmp_path, 12, 1, words=True), "self_training/photos")
    asked: list[str | None] = []
    monkeypatch.setattr(search_command, "_bundle", lambda run: asked.append(run) or opened)
    monkeypatch.setattr(search_command.os, "umask", lambda mask: 0)
    for name, value in {"RUN": "photos", "TEXT": "--green car"}.items():
        monkeypatch.setenv(name, value)

    assert search.main() == 0

    head, title, *rows = capsys.readouterr().out.splitlines()
    assert (asked, head) == (["photos"], "“--green car”")
    assert title == "the most similar images of self_training/photos by cosine (exact)"
    assert len(rows) == 2 + 8
    monkeypatch.setenv("MODE", "approximate")
    with pytest.raises(SystemExit, match="kindred: the index can only be searched exactly; search with the mode exact"):
        search.main()
