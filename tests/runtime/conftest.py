"""What the tests of files and marks share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of a folder that is not there yet, on a disk and in a bucket."""
    if request.param == "disk":
        yield f"file://{tmp_path}/stage"
        return
    bucket = request.getfixturevalue("bucket")
    with stores.proxy(os.environ["AWS_ENDPOINT_URL"]) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield f"{bucket}/stage"
