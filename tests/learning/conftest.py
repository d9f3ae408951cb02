"""The blobs that the tests of pseudo-labels share."""

import pytest

import blobs
from kindred.learning.pseudo_label_types import GivenLabels, Pool


@pytest.fixture
def pool() -> Pool:
    return blobs.pool()


@pytest.fixture
def given() -> GivenLabels:
    return blobs.given_labels()
