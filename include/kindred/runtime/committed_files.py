"""The files of committed work: a mark lists each with its size, so that one that is missing or cut is noticed by a
listing, without reading it.
"""

from typing import Any

from kindred.runtime import storage


def flaw(mark: dict[str, Any]) -> str:
    """What is missing of the files that a mark names."""
    if "files" not in mark:  # of an older version, and trusted
        return ""
    uris = [str(uri) for uri in mark["tables"].values()]
    for folder, files in mark["files"].items():
        inside = tuple(f"{uri.removeprefix(folder)}/".lstrip("/") for uri in uris if f"{uri}/".startswith(f"{folder}/"))
        if found := flaw_of_folder(folder, files, inside):
            return found
    return ""


def of_table(mark: dict[str, Any], name: str) -> dict[str, int]:
    """The size of each file of a table, by its path below the table's folder."""
    address = str(mark["tables"][name])
    below: dict[str, int] = {}
    for folder, files in mark["files"].items():
        inside = address.removeprefix(folder).lstrip("/")
        if address == folder or address.startswith(f"{folder}/"):
            start = f"{inside}/" if inside else ""
            below |= {path[len(start) :]: size for path, size in files.items() if path.startswith(start)}
    return below


def listing(folder: str) -> dict[str, int]:
    """The size of each file below a folder, by its path there; without what Spark leaves for itself."""
    fs, inside = storage.filesystem(folder)
    inside = inside.rstrip("/")
    sizes = {path[len(inside) + 1 :]: info["size"] for path, info in fs.find(inside, detail=True).items()}
    return {name: int(size) for name, size in sizes.items() if not name.rpartition("/")[2].startswith((".", "_"))}


def flaw_of_folder(folder: str, files: dict[str, int], whole: tuple[str, ...] = ()) -> str:
    """Which file of a folder, of those with these sizes, is not there, or is another one, and which does not belong
    there: below one of `whole` nothing else may lie. Empty where all is as it was.
    """
    now = listing(folder)
    for name in sorted(now.keys() | files.keys()):
        place = storage.local(storage.join(folder, name))
        if name not in now:
            return f"{place} is missing"
        if name in files and now[name] != files[name]:
            return f"{place} has {now[name]:,} bytes, not {files[name]:,}"
        if name not in files and name.startswith(whole):
            return f"{place} does not belong here"
    return ""
