"""The runs that are not deleted: the one that is served, the one that was served before it, and those that are pinned.

What is served is named by `serving.json`, which also names the run before (`before`), so that one can go back to it.
"""

import time
from collections.abc import Mapping
from typing import Any

from kindred.runtime import file_names, run_state, storage

CHAMPION, PREDECESSOR, PINNED = "champion", "predecessor", "pinned"


def pointer() -> dict[str, Any] | None:
    """What `serving.json` says, or None where nothing is served. Raises storage.UnreadableError for a broken one."""
    path = storage.join(storage.data_root(), file_names.SERVING)
    return storage.find_json(path, "`make promote RUN=name` writes it again")


def predecessor(now: Mapping[str, Any], name: str) -> tuple[str | None, str | None]:
    """The name of the run that was served before the run `name` will be, and the fingerprint of its bundle, where they
    are known, from the pointer of now.

    >>> predecessor({"name": "self_training/one", "fingerprint": "12ab"}, "self_training/two")
    ('self_training/one', '12ab')
    >>> predecessor({"name": "self_training/one", "before": "self_training/none"}, "self_training/one")
    ('self_training/none', None)
    """
    if now.get("name") == name:
        return now.get("before"), now.get("before_fingerprint")
    return now.get("name"), now.get("fingerprint")


def served() -> dict[str, str]:
    """The names of the runs that are kept because they are, or were, served, with the reason: CHAMPION or PREDECESSOR.
    Raises storage.UnreadableError where it is not known.
    """
    now = pointer() or {}
    reasons = {now.get("before"): PREDECESSOR, now.get("name"): CHAMPION}
    return {str(name): reason for name, reason in reasons.items() if name}


def pin(run: str) -> None:
    """Keep the run in this folder, until `unpin`."""
    storage.put_json(storage.join(run, file_names.PINNED), {"pinned": run_state.stamp(time.time())})


def unpin(run: str) -> bool:
    """No longer keep the run in this folder; whether it was pinned."""
    was_pinned = is_pinned(run)
    storage.delete(storage.join(run, file_names.PINNED))
    return was_pinned


def is_pinned(run: str) -> bool:
    """Whether the run in this folder is pinned."""
    return storage.find_bytes(storage.join(run, file_names.PINNED)) is not None
