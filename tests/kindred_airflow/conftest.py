"""What the tests of the commands share."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """The usual one, whatever a command sets."""
    before = os.umask(0o022)
    yield
    os.umask(before)
