"""What is known of an image that may have several labels: which classes it shows, and which it does not.

Rows of raw and decoded images hold it in the column label, as a JSON object of true and false by class (null: nothing
is known). A class that it does not name is not known of the image, which is not absent.
"""

import functools
import json
from collections.abc import Iterable, Mapping

from kindred.data.sources import first
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import NONE, SEPARATOR


def encoded(known: Mapping[str, bool]) -> str:
    """Whether each class that is known of an image is present, as a text.

    >>> encoded({"sea": True, "desert": False})
    '{"desert": false, "sea": true}'
    """
    return json.dumps(known, sort_keys=True)


@functools.lru_cache(maxsize=2**16)
def classes(text: str) -> frozenset[str]:
    """The classes that are known of an image, present or absent, of what `encoded` wrote."""
    return frozenset(json.loads(text))


@functools.lru_cache(maxsize=2**16)
def present(text: str | None) -> frozenset[str]:
    """The classes that an image shows, of what `encoded` wrote.

    >>> sorted(present('{"desert": false, "sea": true}'))
    ['sea']
    """
    return frozenset(name for name, shown in json.loads(text or "{}").items() if shown)


def check_names(classes: Iterable[str], where: str) -> None:
    """Raise InputError for names that are ambiguous in a list of labels.

    >>> check_names(["black|white"], "photos")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: photos has classes that cannot be one of several labels: 'black|white'; \
rename them: no '|', and not (none)
    """
    if wrong := sorted(name for name in classes if SEPARATOR in name or name == NONE):
        raise InputError(
            f"{where} has classes that cannot be one of several labels: {first([repr(name) for name in wrong])}; "
            f"rename them: no {SEPARATOR!r}, and not {NONE}"
        )
