"""`make prune`: what nothing needs any more, as a list; `make prune APPLY=1` deletes it."""

import os

from kindred.runtime import file_sizes, marks, pruning, pruning_plan, run_folders, storage
from kindred.runtime.errors import InputError
from kindred.runtime.pruning_plan import Plan
from kindred_airflow import command, sizes

APPLY = "make prune APPLY=1"


def main() -> int:
    """List what nothing needs, or delete it where APPLY is 1."""
    apply = os.environ.get("APPLY") or "0"
    if apply not in ("0", "1"):
        raise InputError(f"APPLY must be 1, or left out, not {apply!r}")
    with marks.locked(storage.join(storage.data_root(), "runs")):
        files = file_sizes.of(storage.data_root())
        plan = pruning_plan.plan(files)
        freed = 0
        for item in plan.items:
            size = pruning.delete(item) if apply == "1" else item.size
            used = "" if size or not item.size else "   a run has begun to use it: kept"
            print(f"  {item.kind:22} {sizes.text(size):>9}  {_place(item.place)}{used}", flush=True)
            freed += size
    total = sizes.text(freed)
    if apply == "1":
        print(f"  {'deleted':22} {total:>9}")
    elif plan.items:
        print(f"  {'would be deleted':22} {total:>9}  `{APPLY}` does it")
    else:
        print(f"  nothing to delete{' yet' if plan.young else ': all is needed'}")
    for line in remarks(plan):
        print(f"  {line}")
    half = [each.name for each in run_folders.found_in(files) if run_folders.HALF_DELETED == each.state(lambda _: None)]
    for name in half:
        print(f"  the deletion of run {name} has begun: `make delete RUN={name}` ends it")
    return 0


def remarks(plan: Plan) -> list[str]:
    """What else is to be said of a plan, a line each."""
    young = [f"{sizes.text(plan.young)} that nothing needs began within a day, and stays for now"] if plan.young else []
    return [*young, *plan.notes]


def _place(uri: str) -> str:
    """A place as it is below KINDRED_DATA, or whole where it is elsewhere."""
    root = storage.join(storage.data_root()) + "/"
    return uri.removeprefix(root) if uri.startswith(root) else storage.local(uri)


if __name__ == "__main__":
    command.exit_with(main)
