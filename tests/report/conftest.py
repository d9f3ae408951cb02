"""What the tests of reports share."""

import numpy as np
import pytest

from pictures import encoded


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a page alone: drawing its plots takes most of the time."""
    from kindred.report import plots

    monkeypatch.setattr(plots, "png", lambda figure: encoded(np.zeros((1, 1, 3), np.uint8)))
