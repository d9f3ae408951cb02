"""Who has promoted which run, when and why: each promotion is an entry, a file that is put once and never changed.

`serving.json` alone decides which run is served, and its `promotion` says how that came about. MLflow's alias follows
it, and last comes the entry: one that is missing shows what a command that was ended has left to do, and the next one
does it. Where the put of `serving.json` fails, nothing has happened.
"""

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from kindred.runtime import (
    file_names,
    kept_runs,
    marks,
    model_registry,
    references,
    run_list,
    runs,
    stages,
    storage,
)
from kindred.runtime.errors import InputError

PROMOTED, ROLLED_BACK = "promoted", "rolled back"
FOUND = "found"  # served by a version that kept no history
TIME = "%Y%m%dT%H%M%S.%fZ"  # of an entry's id: names sort by it
SCORES = {"accuracy": run_list.ACCURACY, "mean_average_precision": run_list.PRECISION}
SHOWN_ENTRIES = 5  # in an error: the last ones

Entry = dict[str, Any]


class Cause(NamedTuple):
    """Why a run is to be served: who wants it (None: not known), the reason, and by which rule and figures it was
    compared with the one before.
    """

    who: str | None = None
    reason: str = ""
    rule: str = ""
    challenge: Mapping[str, Any] | None = None


class Turn:
    """What is served, as nobody else changes it meanwhile. `pointer` is empty where nothing is, or the file is broken;
    raises InputError where another command was faster.
    """

    def __init__(self) -> None:
        content, self._version = storage.find_versioned(pointer_uri())
        self.pointer: dict[str, Any] = {}
        with contextlib.suppress(storage.UnreadableError):  # what is put next takes its place
            self.pointer = storage.parse_json(content, pointer_uri()) if content is not None else {}

    def put(self, pointer: Mapping[str, Any], action: str, cause: Cause) -> dict[str, Any]:
        """Serve what `pointer` names: the whole pointer."""
        name, before = pointer["name"], self.pointer.get("name")
        now = _time_after((self.pointer.get("promotion") or {}).get("id", ""))
        predecessor, fingerprint = kept_runs.predecessor(self.pointer, name)
        promotion = {
            "id": f"{now.strftime(TIME)}-{secrets.token_hex(4)}",
            "action": action,
            "who": cause.who,
            "when": now.isoformat(timespec="seconds"),
            **{"from": before, "to": name, "reason": cause.reason, "rule": cause.rule},
            "figures": {"from": _figures(before), "to": _figures(name), "challenge": cause.challenge},
        }
        own = {"before": predecessor, "before_fingerprint": fingerprint, "published": promotion["when"]}
        whole = {**pointer, **own, "promotion": promotion}
        if not storage.put_unless_changed(pointer_uri(), storage.json_bytes(whole), self._version):
            raise InputError("another run was promoted at the same moment; look at `make history` and try again")
        settle(whole)
        return whole


@contextlib.contextmanager
def turn() -> Iterator[Turn]:
    """The turn of a command that changes what is served; what the one before it has begun is finished first."""
    with marks.locked(storage.join(storage.data_root(), file_names.HISTORY.split("/")[0])):
        found = Turn()
        settle(found.pointer)
        yield found


def settle(pointer: Mapping[str, Any]) -> None:
    """Let MLflow's alias and the history say what the pointer does, where they do not yet."""
    if not pointer.get("name"):
        return
    entry = _entry_of(pointer)
    uri = storage.join(folder(), f"{entry['id']}.json")
    if storage.find_bytes(uri) is not None:
        return
    if entry["action"] != FOUND:  # earlier versions gave the alias first
        since, who, reason = entry["when"], entry["who"] or "an unknown user", entry["reason"] or "no reason given"
        tags = {
            "kindred.promotion_who": who,
            "kindred.promotion_when": since,
            "kindred.promotion_reason": reason,
            "kindred.promotion_entry": entry["id"],
        }
        described = f"{entry['action']} by {who} on {since}: {reason}"
        model_registry.set_champion(str(pointer["version"]), tags, described)
    storage.put_once(uri, storage.json_bytes(entry))


def entries() -> list[Entry]:
    """All entries, the oldest first; the last one is what is served. Finishes what was begun. Raises
    storage.UnreadableError where a file is broken.
    """
    with turn():
        fs, inside = storage.filesystem(folder())
        found = fs.ls(inside, detail=False) if fs.isdir(inside) else []
        names = sorted(name for path in found if not (name := path.rsplit("/", 1)[1]).startswith("."))
    contents = references.read(storage.join(folder(), name) for name in names)
    return [storage.parse_json(content, uri) for uri, content in contents.items()]


def find(listed: Sequence[Entry], text: str, before: str | None) -> Entry:
    """The entry to go back to: that with this id, or the newest one that made the run of this name served; of no text,
    the newest of the run that was served `before`. Raises InputError where there is none.
    """
    if not text and before is None:
        raise InputError("no run was served before this one, so there is none to go back to; `make history` lists all")
    name = text or str(before)
    names = {name} if "/" in name else {name, f"{stages.SELF_TRAINING}/{name}"}
    for entry in reversed(listed):
        if entry["id"] == text or entry["to"] in names:
            return entry
    known = ", ".join(dict.fromkeys(entry["to"] for entry in listed[-SHOWN_ENTRIES:])) or "none"
    raise InputError(f"{name!r} is no entry of the history, and no run in it; known: {known}; see `make history`")


def since(pointer: Mapping[str, Any]) -> str | None:
    """Since when what the pointer names is served, in ISO format, where it is known."""
    return (pointer.get("promotion") or {}).get("when") or pointer.get("published")


def folder() -> str:
    """The URI of the folder with the entries."""
    return storage.join(storage.data_root(), file_names.HISTORY)


def pointer_uri() -> str:
    """The URI of the pointer."""
    return storage.join(storage.data_root(), file_names.SERVING)


def _entry_of(pointer: Mapping[str, Any]) -> Entry:
    """The entry of what a pointer says; of an earlier version's, with what is known of it."""
    if promotion := pointer.get("promotion"):
        return {**promotion, "pointer": dict(pointer)}
    when = pointer.get("published")
    time = datetime.fromisoformat(when).astimezone(UTC) if when else datetime.fromtimestamp(0, UTC)
    name = pointer["name"]
    return {
        "id": f"{time.strftime(TIME)}-{storage.fingerprint(dict(pointer))[:8]}",
        **{"action": FOUND, "who": None, "when": when, "reason": "", "rule": ""},
        **{"from": pointer.get("before"), "to": name},
        "figures": {"from": None, "to": _figures(name), "challenge": None},
        "pointer": dict(pointer),
    }


def _time_after(entry_id: str) -> datetime:
    """Now, or a moment after an entry that a clock which is ahead of this one has given its id."""
    now, time = datetime.now(UTC), entry_id.partition("-")[0]
    if not time:
        return now
    return max(now, datetime.strptime(time, TIME).replace(tzinfo=UTC) + timedelta(microseconds=1))


def _figures(name: str | None) -> dict[str, float] | None:
    """The scores of a run's final model on its test images, by the run's name; None where the run is not here."""
    if name is None or "/" not in name:
        return None
    run = runs.run_folder(*name.split("/", 1))
    mark = storage.find_json(storage.join(run, stages.EVALUATE, file_names.MARK)) or {}
    figures = storage.find_json(storage.join(run, file_names.METRICS)) or mark.get("figures") or {}
    return {title: figures[score] for title, score in SCORES.items() if score in figures}
