"""Other names for folders, where a program cannot write the folder's own."""

import os
import tempfile
from pathlib import Path

from kindred.runtime import storage
from kindred.runtime.errors import InputError


def without_question_mark(folder: Path) -> Path:
    """A link to a folder, in this account's own part of the folder for temporary files; made if it is not there. Raises
    InputError where another account has taken its place.
    """
    own = Path(tempfile.gettempdir(), f"kindred-{os.getuid()}")
    own.mkdir(mode=0o700, exist_ok=True)
    status = own.lstat()
    if own.is_symlink() or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise InputError(f"{own} is not this account's own; delete it, or choose a KINDRED_DATA without '?'")
    link = own / storage.fingerprint(str(folder))
    temporary = own / f".{link.name}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder)
    temporary.replace(link)
    return link
