"""What the tests of reports share."""

import pytest


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of a page alone: drawing its plots takes most of the time."""
    from kindred.report import plots

    empty = b'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" height="1pt" viewBox="0 0 1 1"/>'
    monkeypatch.setattr(plots, "svg", lambda figure: empty)
