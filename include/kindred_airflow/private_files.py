"""Files that only this account can read: what the commands make, and what earlier versions left open to all."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077  # the rights of all other accounts
PRIVATE_FOLDERS = ("airflow", "logs")  # below KINDRED_DATA: Airflow's databases, password and logs; logs of the servers
SHOWN = 3  # files, in a message
PRIVATE_FILES = ("mlflow*.db*", "up.json")  # MLflow's databases and their journals


def make_private() -> None:
    """Whatever this process and those below it make from here on, other accounts cannot read."""
    os.umask(OTHERS)


def narrow(data: Path) -> None:
    """Take the rights of other accounts from databases, passwords and logs in KINDRED_DATA; says which files others can
    read all the same, where the disk knows no rights or the files belong to somebody else.
    """
    still_open = [path for path in _known(data) if not close(path)]
    if still_open:
        names = ", ".join(str(path) for path in still_open[:SHOWN])
        problem = f"other accounts can read {names}" + (" and more" if len(still_open) > SHOWN else "")
        print(f"kindred: {problem}; set KINDRED_DATA to a folder of your own, on a disk with rights", file=sys.stderr)


def is_open(path: Path) -> bool:
    """Whether other accounts have any right to a file."""
    return bool(path.stat().st_mode & OTHERS)


def close(path: Path) -> bool:
    """Take the rights of other accounts from a file or folder; whether they have none now."""
    try:
        if is_open(path):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)
        return not is_open(path)
    except FileNotFoundError:  # a journal that has just ended
        return True
    except PermissionError:
        return False


def _known(data: Path) -> Iterator[Path]:
    for folder in (data / name for name in PRIVATE_FOLDERS):
        if folder.is_dir():
            yield folder
            yield from (path for path in folder.iterdir() if path.is_file())
    for pattern in PRIVATE_FILES:
        yield from data.glob(pattern)
