"""The limit on open files."""

import resource

import pytest

from kindred.runtime import open_files
from kindred.runtime.errors import InputError


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits from the first to the present: 1,024, and at most 4,096."""
    limits = [(1024, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda kind, both: limits.append(both))
    return limits


def test_the_limit_is_raised_as_far_as_it_may_be_once(limits: list[tuple[int, int]]) -> None:
    open_files.allow(3000, "an index")
    open_files.allow(10, "an index")

    assert limits == [(1024, 4096), (4096, 4096)]


def test_too_many_files_are_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match="/index has 4,000 files .* may open 4,096: raise the limit .* to 4,512"):
        open_files.allow(4000, "/index")


def test_a_process_without_a_limit_may_open_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    open_files.allow(10_000_000, "an index")
