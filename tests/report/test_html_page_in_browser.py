"""The page in a browser: it is whole by itself, and nothing of it fails."""

import pytest

from chromium import PROGRAM, Page
from kindred.report import html_page
from kindred.runtime import file_names
from report_run import LABELS, PREDICTIONS, scored, sections

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: install Debian's package `chromium`"),
]

NAMES = ["cat", "<b>dog</b>", "eel & co"]
BROKEN = "[...document.images].filter(image => !image.complete || !image.naturalWidth).length"
CARD = "document.querySelector('.card')"


@pytest.fixture(scope="module")
def content() -> bytes:
    test = scored(LABELS * 3, {"base": PREDICTIONS * 3, "final": LABELS * 3}, NAMES)
    return html_page.render("Kindred: <i>test</i>", {"dataset": "digits"}, list(sections(test).values()))


@pytest.fixture(params=[(1280, False), (390, True)], ids=["wide", "narrow and dark"])
def opened(request, content, tmp_path):
    file = tmp_path / file_names.REPORT
    file.write_bytes(content)
    browser = Page(tmp_path / "profile", *request.param)
    browser.open(file)
    yield browser
    browser.close()


def test_the_page_opens_without_an_error_and_requests_nothing_else(opened) -> None:
    requested = [address for address in opened.requests if not address.startswith("data:")]

    assert opened.errors == []
    assert [address.rsplit("/", 1)[1] for address in requested] == [file_names.REPORT]
    assert opened.evaluate("document.images.length") > 20
    assert opened.evaluate(BROKEN) == 0
    assert opened.evaluate("document.title") == "Kindred: <i>test</i>"


def test_nothing_is_wider_than_the_screen(opened) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_point_of_the_map_says_what_it_is_and_shows_its_picture(opened) -> None:
    assert opened.evaluate(f"{CARD}.hidden") is True

    opened.evaluate("document.querySelector('circle').dispatchEvent(new PointerEvent('pointerover', {bubbles: true}))")

    assert opened.evaluate(f"{CARD}.hidden") is False
    assert "(test)" in opened.evaluate(f"{CARD}.textContent")
    assert opened.evaluate(f"getComputedStyle({CARD}.firstElementChild).backgroundImage").startswith('url("data:image/')


def test_the_map_can_be_coloured_by_correct_and_wrong(opened) -> None:
    fill = "getComputedStyle(document.querySelector('circle')).fill"
    before = opened.evaluate(fill)

    opened.evaluate("document.querySelector('.cloud input').click()")

    assert opened.evaluate(fill) == "rgb(0, 114, 178)" != before


def test_a_script_that_a_name_smuggled_in_would_be_refused(content, tmp_path) -> None:
    file = tmp_path / file_names.REPORT
    file.write_bytes(content.replace(b"</main>", b"</main><script>document.title = 'taken'</script>"))
    browser = Page(tmp_path / "profile")
    browser.open(file)
    title, errors = browser.evaluate("document.title"), browser.errors
    browser.close()

    assert title == "Kindred: <i>test</i>"
    assert any("Content Security Policy" in error for error in errors)
