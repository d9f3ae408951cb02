"""The page in a browser: it is whole by itself, and nothing of it fails."""

import base64

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
    test = scored(LABELS * 3, {"base": LABELS * 3, "final": PREDICTIONS * 3}, NAMES)
    return html_page.render("Kindred: <i>test</i>", {"dataset": "digits"}, list(sections(test).values()))


@pytest.fixture(scope="module", params=[(1280, False), (390, True)], ids=["wide", "narrow and dark"])
def opened(request, content, tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    file = place / file_names.REPORT
    file.write_bytes(content)
    browser = Page(place / "profile", *request.param)
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


@pytest.mark.parametrize("how", ["blob", "srcdoc"])
def test_links_to_sections_work_in_a_sandboxed_frame_like_mlflows(content, tmp_path, how) -> None:
    """MLflow's page of an artifact: a frame whose source is a blob, with the sandbox `allow-scripts`."""
    source = {
        "blob": "frame.src = URL.createObjectURL(new Blob([text], {type: 'text/html'}))",
        "srcdoc": "frame.srcdoc = text",
    }
    file = tmp_path / "artifact.html"
    text = base64.b64encode(content).decode()
    file.write_text(
        "<iframe sandbox='allow-scripts' width=800 height=600></iframe><script>"
        f"const text = new TextDecoder().decode(Uint8Array.from(atob('{text}'), c => c.charCodeAt(0)));"
        f"const frame = document.querySelector('iframe'); {source[how]};</script>"
    )
    browser = Page(tmp_path / "profile")
    browser.open(file)
    browser.enter_frame()
    browser.wait_for("document.querySelectorAll('nav a').length == 7")

    browser.evaluate("document.querySelector('nav a[href=\"#curves\"]').click()")
    browser.wait_for("scrollY > 0")
    top = browser.evaluate("document.querySelector('#curves').getBoundingClientRect().top")
    browser.close()

    assert abs(top) < 2


def test_the_file_of_a_mistake_is_seen_below_its_picture_and_its_whole_address_on_demand(opened) -> None:
    tile = "document.querySelector('#mistakes .tile .file')"
    opened.evaluate(f"{tile}.querySelector('summary').scrollIntoView()")

    seen = opened.evaluate(f"{tile}.innerText")
    opened.evaluate(f"{tile}.querySelector('summary').click()")

    assert seen == "0001.jpg"
    assert opened.evaluate(f"{tile}.innerText").split() == ["0001.jpg", "/photos/test/0001.jpg"]
    assert opened.evaluate("document.querySelector('#mistakes .tile img').title") == "/photos/test/0001.jpg"


def test_plots_have_the_colours_of_the_page_and_no_white_box_in_the_dark(opened) -> None:
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    fills = opened.evaluate("[...document.querySelectorAll('.panels path')].map(path => getComputedStyle(path).fill)")
    texts = opened.evaluate("[...document.querySelectorAll('.panels text')].map(text => getComputedStyle(text).fill)")

    dark = ground == "rgb(21, 24, 28)"
    assert ground in fills
    assert ("rgb(255, 255, 255)" in fills) == (not dark)
    assert opened.evaluate("getComputedStyle(document.body).color") in texts


def test_text_of_plots_can_be_read_on_a_phone(opened) -> None:
    """At least 8 px high where it is shown."""
    heights = opened.evaluate(
        "[...document.querySelectorAll('.panels text')].map(t => { const s = t.closest('svg'); "
        "return parseFloat(getComputedStyle(t).fontSize) * s.getBoundingClientRect().width / s.viewBox.baseVal.width })"
    )

    assert min(heights) >= 8


def test_a_script_that_a_name_smuggled_in_would_be_refused(content, tmp_path) -> None:
    file = tmp_path / file_names.REPORT
    file.write_bytes(content.replace(b"</main>", b"</main><script>document.title = 'taken'</script>"))
    browser = Page(tmp_path / "profile")
    browser.open(file)
    title, errors = browser.evaluate("document.title"), browser.errors
    browser.close()

    assert title == "Kindred: <i>test</i>"
    assert any("Content Security Policy" in error for error in errors)
