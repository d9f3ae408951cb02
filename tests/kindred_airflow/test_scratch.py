"""The temporary files of a tree of processes go with it."""

import os
from pathlib import Path

import pytest

from kindred_airflow import scratch
from kindred_airflow.scratch import Scratch

TREES = [f"{number:032x}" for number in range(3)]
OLD = (1e9, 1e9)


def made(root: Path, tree: str) -> Scratch:
    one = Scratch({scratch.SPARK: str(root)}, tree)
    one.make()
    (one.folders[0] / "blockmgr" / "0c").mkdir(parents=True)
    os.utime(one.folders[0], OLD)
    return one


def test_each_disk_has_a_folder_that_only_this_account_sees_until_the_end(tmp_path: Path) -> None:
    disks = [tmp_path / "a disk", tmp_path / "other"]
    one = Scratch({scratch.SPARK: f"{disks[0]}, {disks[1]}"}, TREES[0])

    one.make()
    folders = [disk / f"kindred-{TREES[0]}" for disk in disks]
    there = [folder.stat().st_mode & 0o777 for folder in folders]
    one.close()

    assert one.env == {scratch.SPARK: f"{folders[0]},{folders[1]}", scratch.JAVA: str(folders[0])}
    assert there == [0o700, 0o700]
    assert [list(disk.iterdir()) for disk in disks] == [[], []]


def test_without_a_setting_it_is_the_systems_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))

    assert Scratch({}, TREES[0]).folders == [tmp_path / f"kindred-{TREES[0]}"]
    assert Scratch({scratch.SPARK: " "}, TREES[0]).folders == [tmp_path / f"kindred-{TREES[0]}"]


def test_what_a_killed_command_and_guard_have_left_goes_at_the_next_start(tmp_path: Path) -> None:
    left, at_work = made(tmp_path, TREES[0]), made(tmp_path, TREES[1])
    for lock in left.locks:  # as the end of a process does
        os.close(lock)
    others = [tmp_path / "kindred-0", tmp_path / "kindred-notes", tmp_path / f"kindred-{'0' * 31}"]
    for other in others:
        other.mkdir()
        os.utime(other, OLD)

    new = made(tmp_path, TREES[2])

    assert not left.folders[0].exists()
    assert at_work.folders[0].exists()
    assert all(other.exists() for other in others)
    for one in (at_work, new):
        one.close()


def test_a_folder_that_is_just_made_and_a_link_stay(tmp_path: Path) -> None:
    fresh = tmp_path / f"kindred-{TREES[0]}"
    fresh.mkdir()
    (tmp_path / "elsewhere").mkdir()
    os.utime(tmp_path / "elsewhere", OLD)
    link = tmp_path / f"kindred-{TREES[1]}"
    link.symlink_to(tmp_path / "elsewhere")

    new = made(tmp_path, TREES[2])

    assert fresh.exists()
    assert link.is_symlink()
    assert (tmp_path / "elsewhere").is_dir()
    new.close()
