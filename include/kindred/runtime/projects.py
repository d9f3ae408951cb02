"""A project: the params of self-training and a schedule, kept as the file `projects/<name>.json` of KINDRED_DATA. Its
runs are those of the DAG `retrain_<name>`.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from kindred.runtime import file_sizes, run_changes, run_state, schedules, storage
from kindred.runtime.errors import InputError

FOLDER, SUFFIX = "projects", ".json"
PREFIX = "retrain_"  # of the name of a project's DAG
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", re.ASCII)
FORM = {"name": "", "schedule": None, "time_zone": "UTC"}  # the fields of the form that are no params of a run
RUN_NAME = "run_name"
PATHS, NO_PATHS = {"path", "weights"}, ("imagenet", "random")  # params that may name a file; weights that are none
ADVICE = "`make project` writes it again"


class Project(NamedTuple):
    """`params` are those of self-training that were given; `schedule` is a cron expression, or the name of one, in the
    time zone, None for runs by hand alone; nothing is due before `since`, when the schedule was set.
    """

    params: dict[str, Any]
    schedule: str | None
    time_zone: str
    since: datetime


def checked_name(name: str) -> str:
    """The name of a project. Raises InputError for one that is no plain word.

    >>> checked_name("../x")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: a project cannot be named '../x'; use up to 60 letters, digits, '_' and '-'
    """
    if not NAME.fullmatch(name):
        raise InputError(f"a project cannot be named {name!r:.100}; use up to 60 letters, digits, '_' and '-'")
    return name


def dag_id(name: str) -> str:
    """The name of a project's DAG."""
    return f"{PREFIX}{checked_name(name)}"


def of_dag(dag_id: str) -> str:
    """The project that a DAG is of; empty for any other DAG.

    >>> of_dag("retrain_digits"), of_dag("self_training")
    ('digits', '')
    """
    return dag_id.removeprefix(PREFIX) if dag_id.startswith(PREFIX) else ""


def path(name: str) -> str:
    """The URI of a project's file."""
    return storage.join(storage.data_root(), FOLDER, f"{checked_name(name)}{SUFFIX}")


def names() -> list[str]:
    """The projects that there are, sorted."""
    return sorted(file.removesuffix(SUFFIX) for file in _files() if _is_project(file))


def others() -> list[str]:
    """The files beside them that are none, by their names."""
    return sorted(file for file in _files() if not _is_project(file))


def _files() -> list[str]:
    return list(file_sizes.of(storage.join(storage.data_root(), FOLDER)).sizes)


def _is_project(file: str) -> bool:
    return file.endswith(SUFFIX) and NAME.fullmatch(file.removesuffix(SUFFIX)) is not None


def find(name: str) -> Project | None:
    """A project, or None where there is none. Raises InputError for a file that says nothing that can be used."""
    content = storage.find_bytes(path(name))
    return None if content is None else parse(name, content)


def get(name: str) -> Project:
    """A project. Raises InputError, with the known ones, where there is none."""
    project = find(name)
    if project is None:
        known = names()
        hint = f"known: {', '.join(known)}" if known else f"there is none yet: `make project NAME={name}` makes it"
        raise InputError(f"no project {name!r}; {hint}")
    return project


def parse(name: str, content: bytes) -> Project:
    """A project by the content of its file. Raises InputError, which names the file, for one that cannot be used."""
    uri = path(name)
    fields = storage.parse_json(content, uri, ADVICE)
    if unknown := sorted(fields.keys() - set(Project._fields)):
        raise storage.unreadable(uri, f"it has the unknown field {unknown[0]!r:.100}", ADVICE)
    params, schedule, zone = fields.get("params"), fields.get("schedule"), fields.get("time_zone")
    if not isinstance(params, dict) or not isinstance(schedule, str | None) or not isinstance(zone, str):
        raise storage.unreadable(uri, "it lacks params, schedule or time_zone", ADVICE)
    since = run_state.seconds(str(fields.get("since")))
    if not since:
        raise storage.unreadable(uri, "it does not say since when, as 2026-11-29T06:00:00Z", ADVICE)
    try:
        schedules.zone(zone)
        return Project(params, schedules.checked(schedule), zone, datetime.fromtimestamp(since, UTC))
    except InputError as error:
        raise storage.unreadable(uri, str(error)) from None


def put(name: str, params: dict[str, Any], schedule: str | None, time_zone: str, now: datetime) -> list[str]:
    """Write a project, in the place of one of this name; lines that say what is new. Raises InputError for a name or a
    schedule that cannot be used; the params were checked before.
    """
    if params.get(RUN_NAME):
        raise InputError(f"a project cannot name its runs: each would overwrite the one before; leave out {RUN_NAME!r}")
    schedules.zone(time_zone)
    new = Project(_from_anywhere(params), schedules.checked(schedule), time_zone, now)
    try:
        old, broken = find(name), ""
    except InputError as error:
        old, broken = None, str(error)
    if old and (old.schedule, old.time_zone) == (new.schedule, new.time_zone):
        new = new._replace(since=old.since)
    storage.put_json(path(name), {**new._asdict(), "since": run_state.stamp(new.since.timestamp())})
    if broken:
        return [f"replaces a file that could not be used: {broken}"]
    return [f"new project {name!r}"] if old is None else changes(old, new)


def _from_anywhere(params: dict[str, Any]) -> dict[str, Any]:
    """The params without an empty name of a run, and with whole paths: scheduled runs begin in another folder."""
    kept = {name: value for name, value in params.items() if name != RUN_NAME}
    for name in PATHS & kept.keys():
        value = kept[name]
        if value and value not in NO_PATHS and "://" not in value:
            kept[name] = str(Path(value).expanduser().absolute())
    return kept


def changes(old: Project, new: Project) -> list[str]:
    """What differs between two states of a project, a line each.

    >>> since = datetime(2026, 11, 29, tzinfo=UTC)
    >>> changes(Project({"seed": 1}, None, "UTC", since), Project({}, "@weekly", "UTC", since))
    ['schedule "none" -> "@weekly"', 'seed 1 -> (default)']
    """
    before, after = ({"schedule": one.schedule or schedules.NONE, "time_zone": one.time_zone} for one in (old, new))
    lines = [f"{name} {_text(before, name)} -> {_text(after, name)}" for name in after if before[name] != after[name]]
    differing = run_changes.differing(old.params, new.params) | run_changes.differing(new.params, old.params)
    lines += [f"{name} {_text(old.params, name)} -> {_text(new.params, name)}" for name in sorted(differing)]
    return lines or ["nothing changed"]


def _text(values: dict[str, Any], name: str) -> str:
    return json.dumps(values[name], ensure_ascii=False) if name in values else "(default)"


def delete(name: str) -> None:
    """Delete a project's file; its runs stay. Raises InputError where there is none."""
    if storage.find_bytes(path(name)) is None:
        get(name)  # says which there are
    storage.delete(path(name))
