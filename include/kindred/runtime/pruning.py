"""What a plan has found is deleted, item by item; each may be interrupted, and is found again.

A run may begin to reuse shared work while it is deleted here. So the work's mark goes first, and then the marks of all
runs are read once more. A run puts its own mark first, and then looks whether the work's mark still stands (`job.py`).
At least one of the two sees the other: either the work stays, or the run does it again.
"""

from kindred.runtime import file_sizes, marks, pruning_plan, references, storage
from kindred.runtime.pruning_plan import ATTEMPTS, RUNS_FOLDER, SHARED, Item


def delete(item: Item) -> int:
    """Delete an item of a plan; the bytes that are gone, 0 for shared work that a run has begun to use since."""
    if item.kind in SHARED:
        return _delete_shared(item)
    if item.kind == ATTEMPTS:
        with marks.locked(item.place.rpartition("/")[0]):
            storage.delete(item.place)
    else:
        storage.delete(item.place)
    return item.size


def _delete_shared(item: Item) -> int:
    """Delete shared work by its marks first, so that what is half deleted is not taken for whole."""
    root = storage.join(storage.data_root())
    listed = [f"{item.place}/{path}" for path in file_sizes.of(item.place).sizes]
    standing = references.read(filter(pruning_plan.is_mark, listed))
    for uri in standing:
        storage.delete(uri)
    named = references.names(pruning_plan.read_marks(root, [RUNS_FOLDER]).values())
    if item.attempts & named:
        for uri, content in standing.items():
            if storage.find_bytes(uri) is None:  # else a run has made it again already
                storage.put_bytes(uri, content)
        return 0
    inside = {(uri.split(f"/{name}/")[0], name) for uri in listed for name in item.attempts if f"/{name}/" in uri}
    for home, name in sorted(inside):
        with marks.locked(home):
            storage.delete(f"{home}/{name}")
    _delete_rest(item)
    return item.size


def _delete_rest(item: Item) -> None:
    """Delete what else lies in a folder of shared work, and the folder, but no attempt that has just begun there."""
    for path in file_sizes.of(item.place).sizes:
        if not references.ATTEMPT.search(path):
            storage.delete(f"{item.place}/{path}")
    storage.delete_empty(item.place)
