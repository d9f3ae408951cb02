"""The DAG files that are made of the projects: one for each, below KINDRED_CACHE, where no file of the checkout lies.

A file has its project's content in it, so that Airflow, which reads it before every task, asks nothing else; where
KINDRED_DATA is a bucket that does not answer, the files live. One that cannot be used is an error of its own file.
"""

from pathlib import Path

from kindred.runtime import projects, runs, storage
from kindred_airflow import machine

FOLDER = "projects"  # in the cache
TEMPLATE = """# Made from {uri!r}: what is changed here is lost.

from airflow.sdk import DAG

from kindred_airflow import retraining

dag: DAG = retraining.dag({name!r}, {content!r})
"""


def folder() -> Path:
    """Where the files lie on this machine; it is made if it is not there."""
    return runs.cache_folder(FOLDER)


def dag_file(dag_id: str) -> Path:
    """The file of a DAG."""
    project = projects.of_dag(dag_id)
    return folder() / f"{project}.py" if project else machine.ROOT / "dags" / f"{dag_id}.py"


def refresh() -> None:
    """Make the files anew of the projects that there are: those only that differ, for Airflow reads again what has a
    new time. Raises what the store raises, before anything is changed.
    """
    contents = {name: storage.find_bytes(projects.path(name)) for name in projects.names()}
    texts = {name: _text(name, content) for name, content in contents.items() if content is not None}
    for path in folder().glob("[!.]*.py"):
        if path.stem not in texts:
            path.unlink(missing_ok=True)
    for name, text in texts.items():
        path = folder() / f"{name}.py"
        if not path.is_file() or path.read_text() != text:
            storage.put_bytes(storage.uri(str(path)), text.encode())


def _text(name: str, content: bytes) -> str:
    return TEMPLATE.format(uri=storage.local(projects.path(name)), name=name, content=content)
