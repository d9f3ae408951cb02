"""MLflow's database on one machine names its artefacts by whole addresses: after KINDRED_DATA was moved, or copied, it
would lead to where they were, and write there. MLflow has no command for that.
"""

import contextlib
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

FOLDER = "mlartifacts"
ADDRESSES = (  # the table and the column of each address
    *(("experiments", "artifact_location"), ("runs", "artifact_uri"), ("logged_models", "artifact_location")),
    *(("model_versions", "source"), ("model_versions", "storage_location")),
)
BUSY_SECONDS = 60  # to wait for others who write


def address(data: Path) -> str:
    """The URI of the artefacts in the folder `data`; what has a meaning in a URI is encoded, as MLflow reads it.

    >>> address(Path("/my data/50% #1 %20"))
    'file:///my data/50% %231 %2520/mlartifacts'
    """
    encoded = re.sub(r"[#?]|%(?=[0-9A-Fa-f]{2})", lambda match: f"%{ord(match[0]):X}", str(data))
    return f"file://{encoded}/{FOLDER}"


def follow(database: Path, data: Path, say: Callable[[str], None]) -> None:
    """Let a database of MLflow name the artefacts in the folder `data`, where those that it names elsewhere lie there
    now; `say` gets from where.
    """
    if not database.is_file():
        return
    now = address(data)
    with contextlib.closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"experiments", "runs"} <= tables:  # it is being made
            return
        query = "SELECT DISTINCT artifact_location FROM experiments WHERE artifact_location LIKE ?"
        for (before,) in connection.execute(query, (f"file://%/{FOLDER}",)).fetchall():
            if before != now and _are_here(connection, before, data / FOLDER):
                for table, column in ADDRESSES:
                    if table in tables:
                        _replace(connection, table, column, before, now)
                say(f"KINDRED_DATA was moved: MLflow's artefacts, which were in {before}, are in {now}")


def _are_here(connection: sqlite3.Connection, before: str, folder: Path) -> bool:
    """Whether the artefacts of the runs that are named below `before` lie in `folder`."""
    query = "SELECT artifact_uri FROM runs WHERE substr(artifact_uri, 1, ?) = ?"
    uris = [uri for (uri,) in connection.execute(query, (len(before) + 1, f"{before}/"))]
    return not uris or any((folder / uri[len(before) + 1 :]).exists() for uri in uris)


def _replace(connection: sqlite3.Connection, table: str, column: str, before: str, now: str) -> None:
    """Replace the beginning of all addresses in a column."""
    connection.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR substr({column}, 1, ?) = ?",
        (now, len(before) + 1, before, len(before) + 1, f"{before}/"),
    )
