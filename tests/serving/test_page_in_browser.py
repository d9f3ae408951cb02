"""The search page in a browser: what a person does with it, from the first click to the way back."""

import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

import bundles
from chromium import PROGRAM, Page
from kindred.data import images
from kindred.serving import bundle
from kindred.serving.page.app import application

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: install Debian's package `chromium`"),
]

GALLERY = 60
LONG = 1  # an image whose file has a long name
GONE = GALLERY + 5  # a test image whose file is not there any more
CARDS = "document.querySelectorAll('article').length"
QUERY = "document.querySelector('#query code')?.textContent"
STATUS = "document.querySelector('#status').textContent"
# What Airflow's page does with the frame of a plugin: its own address holds the frame's, as far as that is loaded.
AIRFLOW = """<!doctype html>
<iframe sandbox="allow-scripts allow-same-origin allow-forms allow-downloads"></iframe>
<script>
  const own = "/plugin/image-search", rest = location.pathname.slice(own.length);
  const frame = document.querySelector("iframe");
  frame.src = rest.length > 1 ? rest + location.search : "/image-search/";
  frame.onload = () => {
    const inner = frame.contentWindow.location;
    history.replaceState({ idx: 7 }, "", own + inner.pathname + inner.search);
  };
</script>"""
FRAME = "document.querySelector('iframe').contentDocument"


async def airflow_page(request: Request) -> HTMLResponse:
    return HTMLResponse(AIRFLOW)


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Each image's own file."""
    folder = tmp_path_factory.mktemp("photos & <i>more")
    names = [f"IMG_{number:04}.png" for number in range(GALLERY + 6)]
    names[LONG] = f"<img src=x> {'holiday ' * 20}_0001.png"
    for number, name in enumerate(names):
        if number != GONE:
            (folder / name).write_bytes(images.encode(bundles.picture(number)))
    return [folder / name for name in names]


@pytest.fixture(scope="module")
def address(tmp_path_factory, files):
    origins = {number: f"file://{file}" for number, file in enumerate(files)}
    made = bundles.make(tmp_path_factory.mktemp("bundle"), GALLERY, origins=origins, given=[0, 3])
    opened = bundle.open_folder(made, "self_training/<i>test</i>")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    search = application(lambda: opened)
    untested = bundle.open_folder(bundles.make(tmp_path_factory.mktemp("untested"), 6, queries=0), "without/test")
    airflow = Route("/plugin/image-search{rest:path}", airflow_page)
    alone = Mount("/untested", application(lambda: untested))
    worded = bundle.open_folder(bundles.make(tmp_path_factory.mktemp("words"), words=True), "with/words")
    by_words = Mount("/words", application(lambda: worded))
    things = bundle.open_folder(bundles.make_matching(tmp_path_factory.mktemp("things")), "image_matching/things")
    matching = Mount("/matching", application(lambda: things))
    several = bundles.make(tmp_path_factory.mktemp("several"), 16, 8, given=[0, 3], several=True)
    mixed = Mount("/mixed", application(lambda: bundle.open_folder(several, "with/several")))
    whole = Starlette(
        routes=[airflow, alone, by_words, matching, mixed, Mount("/image-search", search), Mount("/", search)]
    )
    server = uvicorn.Server(uvicorn.Config(whole, "127.0.0.1", port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module", params=[(1280, False), (390, True)], ids=["wide", "narrow and dark"])
def browser(request, tmp_path_factory):
    opened = Page(tmp_path_factory.mktemp("profile"), *request.param)
    yield opened
    opened.close()


@pytest.fixture
def page(browser, address):
    browser.errors.clear()
    browser.requests.clear()
    browser.open(address)
    browser.wait_for("document.querySelectorAll('#list a').length")
    yield browser
    assert browser.errors == []
    assert all(request.startswith((address, "data:", "blob:")) for request in browser.requests)


def click(page: Page, selector: str) -> None:
    page.evaluate(f"document.querySelector({selector!r}).click()")


def press(page: Page, selector: str) -> None:
    """A click that counts as a person's: what the clipboard and a new tab ask for."""
    page.call("Runtime.evaluate", expression=f"document.querySelector({selector!r}).click()", userGesture=True)


def choose(page: Page, selector: str, value: str) -> None:
    page.evaluate(
        f"(() => {{ const field = document.querySelector({selector!r}); field.value = {value!r}; "
        "field.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def search(page: Page, image_id: str) -> None:
    """Ask for an image by its id, and wait for what it finds."""
    page.evaluate(f"document.querySelector('#id').value = {image_id!r}")
    click(page, "#by-id button")
    page.wait_for(f"{QUERY} === {image_id!r}")


def shown_ids(page: Page, side: int = 0) -> list[str]:
    """The ids on one side, as the links of the cards name them."""
    return page.evaluate(
        f"[...document.querySelectorAll('#results section')[{side}].querySelectorAll('.picture')]"
        ".map(link => new URL(link.href).searchParams.get('image_id'))"
    )


def test_a_click_on_a_picture_finds_the_most_and_the_least_similar(page) -> None:
    click(page, "#list a")
    page.wait_for(f"{CARDS} === 16")

    assert page.evaluate("[...document.querySelectorAll('#results h2')].map(h => h.textContent)") == [
        "Most similar",
        "Least similar",
    ]
    assert page.evaluate("document.querySelector('#list a').getAttribute('aria-current')") == "true"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate("document.querySelectorAll('.cards a').forEach(link => link.scrollIntoView())")
    page.wait_for("[...document.images].every(image => image.complete && image.naturalWidth)")


def test_names_are_text_and_never_markup(page) -> None:
    search(page, bundles.id_of(0))

    assert page.evaluate("document.querySelector('#query strong').textContent") == "<b>red</b>"
    assert page.evaluate("document.querySelectorAll('b, i').length") == 0
    assert page.evaluate("document.querySelector('#about').textContent").startswith(
        "self_training/<i>test</i> · 60 images"
    )


def test_more_like_this_leaves_a_trail_and_the_browser_goes_back(page) -> None:
    first = bundles.id_of(0)
    search(page, first)
    second = shown_ids(page)[0]
    click(page, ".picture")
    page.wait_for(f"{QUERY} === {second!r}")

    assert page.evaluate("location.search") == f"?image_id={second}"
    assert page.evaluate("document.querySelectorAll('#trail a').length") == 1

    page.evaluate("history.back()")
    page.wait_for(f"{QUERY} === {first!r}")
    page.evaluate("history.forward()")
    page.wait_for(f"{QUERY} === {second!r}")
    click(page, "#trail a")
    page.wait_for(f"{QUERY} === {first!r}")
    assert page.evaluate("document.querySelectorAll('#trail a').length") == 0


def test_the_address_holds_the_whole_query(page, address) -> None:
    search(page, bundles.id_of(0))
    choose(page, "#distance", "kullback_leibler")
    choose(page, "#k", "5")
    choose(page, "#side", "farthest")
    choose(page, "#min_confidence", "0.4")
    click(page, "#classes input[value=green]")
    page.wait_for("document.querySelectorAll('#results section').length === 1")
    page.wait_for("[...document.querySelectorAll('article strong')].every(name => name.textContent === 'green')")
    shown, where = shown_ids(page), page.evaluate("location.search")

    page.open(address + where)
    page.wait_for(f"{CARDS} === 5")

    assert shown_ids(page) == shown
    assert page.evaluate("document.querySelector('#classes input[value=green]').checked")
    assert page.evaluate("document.querySelector('#active').textContent") == " (2)"
    assert set(where.removeprefix("?").split("&")) == {
        *(f"image_id={bundles.id_of(0)}", "distance=kullback_leibler", "k=5", "side=farthest"),
        *("min_confidence=0.4", "class=green"),
    }

    click(page, "#clear")
    page.wait_for("[...document.querySelectorAll('article strong')].some(name => name.textContent !== 'green')")


def enter(page: Page, words: str) -> None:
    """Type into the field of words, and press Enter."""
    page.evaluate("(document.querySelector('#text').value = '', document.querySelector('#text').focus())")
    page.call("Input.insertText", text=words)
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
    page.call("Input.dispatchKeyEvent", type="keyDown", **key)
    page.call("Input.dispatchKeyEvent", type="keyUp", **key)


def test_words_are_searched_by_and_stand_in_the_trail(page, address) -> None:
    assert page.evaluate("document.querySelector('#by-text').hidden")
    page.open(f"{address}words/?distance=l2&k=4&side=nearest")
    page.wait_for("document.querySelectorAll('#list a').length")
    red = f"document.querySelector('#query h2')?.textContent === '“<i>Red</i> red”' && {CARDS} === 4"
    distance = "[document.querySelector('#distance').value, document.querySelector('#distance').disabled]"

    enter(page, "<i>Red</i> red")
    page.wait_for(red)

    assert page.evaluate("document.querySelector('#by-text label').textContent.trim()") == "Search by words"
    assert page.evaluate("document.querySelector('article').textContent").startswith("Details<b>red</b>")
    assert page.evaluate(distance) == ["cosine", True]
    assert page.evaluate("document.querySelectorAll('article .compare').length") == 0
    enter(page, "blue " * 9)
    page.wait_for("document.querySelector('#query .hint')?.textContent.startsWith('Only the first 6 tokens are read')")
    assert page.evaluate("document.querySelector('#trail a').textContent") == "“<i>Red</i> red”"
    click(page, "#trail a")
    page.wait_for(red)
    click(page, "article .details")
    assert page.evaluate("document.querySelector('#detail').open && document.querySelector('#compare').hidden")
    click(page, "#more")
    page.wait_for(QUERY)
    assert page.evaluate(distance) == ["l2", False]
    assert page.evaluate("document.querySelector('#text').value") == ""


def test_an_uploaded_picture_is_searched_for_and_stays_on_the_way_back(page, tmp_path) -> None:
    file = tmp_path / "<img src=x>.png"
    file.write_bytes(images.encode(bundles.picture(0)))
    document = page.call("DOM.getDocument")["root"]["nodeId"]
    field = page.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]

    page.call("DOM.setFileInputFiles", nodeId=field, files=[str(file)])
    page.wait_for(f"{QUERY} === {bundles.id_of(0)!r}")

    assert page.evaluate("document.querySelector('#query .where').textContent") == "uploaded"
    assert page.evaluate("location.search") == "?upload=1"
    click(page, ".picture")
    page.wait_for(f"{QUERY} !== {bundles.id_of(0)!r}")
    page.evaluate("history.back()")
    page.wait_for(f"{QUERY} === {bundles.id_of(0)!r}")


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_picture_can_be_pasted_and_dropped(page, way) -> None:
    event, field = {"paste": ("ClipboardEvent", "clipboardData"), "drop": ("DragEvent", "dataTransfer")}[way]
    page.evaluate(
        f"fetch('api/images/{bundles.id_of(1)}/picture').then(answer => answer.blob()).then(blob => {{"
        "const data = new DataTransfer(); data.items.add(new File([blob], 'a.png', {type: 'image/png'}));"
        f"document.body.dispatchEvent(new {event}('{way}', {{{field}: data, bubbles: true, cancelable: true}}));}})"
    )

    page.wait_for(f"{QUERY} === {bundles.id_of(1)!r}")


def test_two_images_are_compared_with_the_regions_that_agree(page) -> None:
    search(page, bundles.id_of(0))
    click(page, ".compare")
    page.wait_for("document.querySelectorAll('.overlay').length === 2")

    assert page.evaluate("document.querySelector('#detail').open")
    assert page.evaluate("document.querySelectorAll('#shares meter').length") == 2 * len(bundles.CLASSES)
    click(page, "#regions input")
    assert page.evaluate("getComputedStyle(document.querySelector('.overlay')).display") == "none"
    click(page, "#detail [aria-label=Close]")
    assert not page.evaluate("document.querySelector('#detail').open")


def test_the_keypoints_that_agree_are_drawn_on_both_pictures(page, address) -> None:
    page.open(f"{address}matching/?image_id={bundles.seen_id(0, 3)}&side=nearest&k=3")
    page.wait_for(f"{CARDS} === 3")
    captions = page.evaluate("[...document.querySelectorAll('.caption')].map(caption => caption.textContent)")

    assert all("✓ same thing" in caption and "inliers" in caption for caption in captions)
    assert page.evaluate("document.querySelector('#match').textContent") == ""
    assert page.evaluate("document.querySelector('#by-class').hidden && document.querySelector('#confidences').hidden")
    click(page, ".compare")
    page.wait_for("document.querySelectorAll('.lines line').length >= 8")
    inside = """(() => {
      const boxes = [...document.querySelectorAll('.frame img')].map(image => image.getBoundingClientRect());
      const within = (dot, box) => dot.x >= box.x - 9 && dot.right <= box.right + 9
        && dot.y >= box.y - 9 && dot.bottom <= box.bottom + 9;
      const dots = [...document.querySelectorAll('.lines circle')].map(dot => dot.getBoundingClientRect());
      return dots.every((dot, place) => within(dot, boxes[place < dots.length / 2 ? 0 : 1]));
    })()"""
    assert page.evaluate(inside)
    assert "The same thing: " in page.evaluate("document.querySelector('#regions').textContent")
    click(page, "#compare")
    assert page.evaluate("document.querySelectorAll('.lines').length") == 0


def test_the_page_says_that_nothing_matches_and_orders_as_it_is_told(page, address) -> None:
    page.open(f"{address}matching/?image_id={bundles.seen_id(3, 3)}&side=nearest&k=3")
    page.wait_for(f"{CARDS} === 3")

    assert page.evaluate("document.querySelector('#match').textContent").startswith("No match: ")
    assert page.evaluate("document.querySelector('#rerank').selectedOptions[0].textContent").startswith("automatic: ")
    choose(page, "#rerank", "none")
    page.wait_for("document.querySelector('#match').textContent === ''")
    assert page.evaluate("new URL(location).searchParams.get('rerank')") == "none"
    choose(page, "#distance", "l2")
    page.wait_for("document.querySelector('#rerank').disabled")
    page.wait_for(f"{CARDS} === 3")
    assert page.evaluate(STATUS) == ""


def test_the_name_of_each_file_is_seen(page, files) -> None:
    search(page, bundles.id_of(0))
    by_id = {bundles.id_of(number): file for number, file in enumerate(files)}
    shown = page.evaluate("[...document.querySelectorAll('article .name')].map(n => [n.textContent, n.title])")

    assert page.evaluate("document.querySelector('#query .name').textContent") == files[0].name
    assert shown == [[by_id[i].name, str(by_id[i])] for side in (0, 1) for i in shown_ids(page, side)]
    assert "IMG_" in page.evaluate("document.querySelector('#list a').title")

    click(page, ".details")
    page.wait_for("document.querySelectorAll('#facts .path').length")
    assert page.evaluate("document.querySelector('#facts .path').textContent") == shown[0][1]
    page.evaluate("document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}))")
    assert page.evaluate("document.querySelector('#facts .path').textContent") == shown[1][1]
    assert page.evaluate("document.querySelector('#place').textContent") == "2 of 8"


def test_an_image_is_found_by_its_files_name_in_either_part(page, files) -> None:
    def find(text: str) -> None:
        page.evaluate(f"document.querySelector('#id').value = {text!r}")
        click(page, "#by-id button")

    find("img_000")
    page.wait_for("document.querySelector('#page').textContent === '1–9 of 9'")  # 0 and 2 to 9
    assert page.evaluate("document.querySelector('#part').value") == "gallery"
    find(str(files[GALLERY]))
    page.wait_for(f"{QUERY} === {bundles.id_of(GALLERY)!r}")
    find("no such file")
    page.wait_for("document.querySelector('#page').textContent === 'no file with “no such file”'")

    choose(page, "#origin", "IMG_001")
    page.wait_for(f"{CARDS} === 16")
    page.wait_for("[...document.querySelectorAll('article .name')].every(n => n.textContent.startsWith('IMG_001'))")
    assert page.evaluate("document.querySelector('#active').textContent") == " (1)"


def test_a_long_name_is_shortened_and_its_end_is_seen(page, files) -> None:
    search(page, bundles.id_of(LONG))
    end = "document.querySelector('#query .name').lastChild"

    assert page.evaluate("document.querySelector('#query .name').textContent") == files[LONG].name
    assert page.evaluate(f"{end}.getBoundingClientRect().right <= innerWidth")
    assert page.evaluate(f"{end}.textContent") == "0001.png"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("way", ["clipboard", "selection"])
def test_the_path_is_copied_also_in_a_dialog_and_by_plain_http(page, files, way) -> None:
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    search(page, bundles.id_of(GALLERY))
    click(page, ".open")
    page.evaluate("window.clipboard = navigator.clipboard")
    page.evaluate("clipboard.writeText('another')")
    if way == "selection":
        page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")

    press(page, "#detail .copy")
    page.wait_for("document.querySelector('#detail .copy').textContent === 'Copied'")

    assert page.evaluate("clipboard.readText()") == str(files[GALLERY])
    assert page.evaluate("document.querySelectorAll('textarea').length") == 0


def test_the_original_opens_in_a_tab_of_its_own_from_airflow_too(browser, address) -> None:
    for place, document in (("", "document"), ("plugin/image-search/image-search/", FRAME)):
        browser.open(f"{address}{place}?image_id={bundles.id_of(0)}")
        browser.wait_for(f"{document}?.querySelectorAll('#query .original').length")
        browser.call(
            "Runtime.evaluate", expression=f"{document}.querySelector('#query .original').click()", userGesture=True
        )
        tab = browser.wait_for_tab(f"api/images/{bundles.id_of(0)}/original")
        size = browser.evaluate(
            f"fetch({tab['url']!r}).then(a => a.blob()).then(createImageBitmap).then(i => [i.height, i.width])"
        )
        browser.call("Target.closeTarget", targetId=tab["targetId"])

        assert size == list(bundles.SIZE)


def test_a_larger_view_is_made_of_the_original_or_the_page_says_why_not(page, files) -> None:
    search(page, bundles.id_of(0))
    click(page, ".open")
    page.wait_for("document.querySelector('#detail .frame img').src.startsWith('blob:')")
    page.wait_for("document.querySelector('#detail .frame img').naturalWidth")
    click(page, "#detail [aria-label=Close]")

    search(page, bundles.id_of(GONE))
    click(page, ".open")
    note = page.wait_for("document.querySelector('#detail .frame + figcaption').textContent")

    assert f"{files[GONE]} is not there any more" in note
    assert page.evaluate("document.querySelector('#detail .frame img').src").endswith("/picture")
    page.errors.clear()  # the browser's own note of the 404


def test_a_given_label_stands_beside_the_prediction(page) -> None:
    search(page, bundles.id_of(3))

    assert page.evaluate("document.querySelector('#query .given').textContent") == "✓ label <b>red</b>"
    assert page.evaluate("document.querySelector('#query .given').title").endswith("the model agrees")

    differs = page.evaluate(
        "import('./figures.js').then(figures => figures.givenLabel({label: 'a', prediction: 'b'}, true)[0].textContent)"
    )
    assert differs == "✗ a: the model disagrees"

    choose(page, "#labelled", "true")
    page.wait_for("document.querySelectorAll('article').length === 2")  # nearest and farthest: the other one
    assert page.evaluate("document.querySelectorAll('article .given').length") == 2


def test_of_several_labels_each_class_is_a_chip_and_a_filter(page, address) -> None:
    chips = "[...document.querySelectorAll('#query .chip strong')].map(e => e.textContent)"
    first = bundles.id_of(3, several=True)

    page.open(f"{address}mixed/?image_id={bundles.id_of(19, several=True)}")
    page.wait_for(f"{CARDS} === 16")

    assert set(page.evaluate(chips)) == {"<b>red</b>", "green"}
    assert "✓ labels <b>red</b> · green" in page.evaluate("document.querySelector('#results').textContent")
    assert "no label present" in page.evaluate("document.querySelector('#results').textContent")
    for number in (0, 1):
        page.evaluate(f"document.querySelectorAll('#classes input')[{number}].click()")
    page.evaluate("document.querySelector('#side').value = 'nearest'")
    page.evaluate("document.querySelector('#all_classes').click()")
    page.wait_for(f"{CARDS} === 4")  # of red and green, with blue or without
    assert "all_classes=true" in page.evaluate("location.search")
    choose(page, "#label", "green")
    page.wait_for(f"{CARDS} === 1")
    click(page, "article .details")
    page.wait_for("document.querySelectorAll('#shares tbody tr').length === 3")
    assert first in page.evaluate("document.querySelector('#facts').textContent")
    shares = page.evaluate("document.querySelector('#shares').textContent")
    assert "Predicted from" in shares
    assert "50.0" in shares
    click(page, "#detail form button:last-child")
    click(page, "#clear")
    page.wait_for(f"{CARDS} === 8")
    for number in (0, 1, 2):
        page.evaluate(f"document.querySelectorAll('#classes input')[{number}].checked = false")
    page.evaluate("document.querySelectorAll('#classes input')[3].click()")
    page.wait_for(f"{CARDS} === 2")
    assert "no class" in page.evaluate("document.querySelector('article .chip').textContent")


def test_without_test_images_and_without_names_the_page_offers_the_gallery(page, address) -> None:
    page.open(f"{address}untested/")
    page.wait_for("document.querySelector('#page').textContent === '1–6 of 6'")
    assert page.evaluate("document.querySelector('#part').value") == "gallery"
    assert page.evaluate("document.querySelector('#part option[value=queries]').disabled")

    click(page, "#list a")
    page.wait_for(f"{CARDS} === 10")
    assert page.evaluate("document.querySelector('.details').textContent") == "Details"
    assert page.evaluate("document.querySelectorAll('.copy, .original').length") == 0


def test_the_list_turns_its_pages_by_class_and_part(page) -> None:
    choose(page, "#part", "gallery")
    page.wait_for("document.querySelector('#page').textContent === '1–24 of 60'")
    click(page, "#after")
    page.wait_for("document.querySelector('#page').textContent === '25–48 of 60'")
    choose(page, "#class", "green")
    page.wait_for("document.querySelector('#page').textContent === '1–20 of 20'")
    assert page.evaluate("document.querySelector('#after').disabled")

    click(page, "#random")
    page.wait_for("document.querySelector('#query strong')?.textContent === 'green'")


def test_the_keyboard_goes_from_picture_to_picture(page) -> None:
    def key(name: str) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            code = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13}[name]
            page.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text)

    focused = "[...document.querySelectorAll('#list a')].indexOf(document.activeElement)"
    page.evaluate("document.querySelector('#list a').focus()")
    key("ArrowRight")
    key("ArrowRight")
    key("ArrowLeft")
    assert page.evaluate(focused) == 1

    chosen = page.evaluate("new URL(document.activeElement.href).searchParams.get('image_id')")
    key("Enter")
    page.wait_for(f"{QUERY} === {chosen!r}")


def test_everything_has_a_name_for_those_who_do_not_see_it(page) -> None:
    search(page, bundles.id_of(0))
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, a, select, input')].filter(e => e.offsetParent && !("
        "e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || e.querySelector('img[alt]')"
        ")).map(e => e.outerHTML)"
    )

    assert unnamed == []
    assert page.evaluate("[...document.images].every(image => image.hasAttribute('alt'))")


def test_an_unknown_id_is_reported_and_the_page_still_works(page) -> None:
    unknown = "0" * 32
    page.evaluate(f"document.querySelector('#id').value = {unknown!r}")
    click(page, "#by-id button")
    page.wait_for(f"{STATUS}.includes(\"no image '{unknown}'\")")
    page.errors.clear()  # the browser's own note of the 404

    choose(page, "#k", "7")
    search(page, bundles.id_of(0))

    assert page.evaluate(STATUS) == ""
    assert page.evaluate(CARDS) == 14
    page.errors.clear()


def test_a_query_in_airflow_survives_a_reload_of_airflows_page(browser, address) -> None:
    framed = QUERY.replace("document", FRAME)
    browser.open(f"{address}plugin/image-search")
    browser.wait_for(f"{FRAME}.querySelectorAll('#list a').length")
    browser.evaluate(f"{FRAME}.querySelector('#list a').click()")
    first = browser.wait_for(framed)
    browser.evaluate(f"{FRAME}.querySelector('.picture').click()")
    second = browser.wait_for(f"{framed} !== {first!r} && {framed}")

    assert browser.evaluate("location.pathname + location.search") == (
        f"/plugin/image-search/image-search/?image_id={second}"
    )
    assert browser.evaluate("history.state.idx") == 7

    browser.open(browser.evaluate("location.href"))
    assert browser.wait_for(f"{FRAME}.querySelectorAll('article').length") == 16
    assert browser.evaluate(framed) == second


def test_the_way_back_in_airflow_is_in_its_address_too(browser, address) -> None:
    framed = QUERY.replace("document", FRAME)
    browser.open(f"{address}plugin/image-search/image-search/?image_id={bundles.id_of(0)}&k=5")
    browser.wait_for(f"{FRAME}.querySelectorAll('.picture').length")
    browser.evaluate(f"{FRAME}.querySelector('.picture').click()")
    browser.wait_for(f"{framed} !== {bundles.id_of(0)!r}")

    browser.evaluate("history.back()")
    browser.wait_for(f"{framed} === {bundles.id_of(0)!r}")

    assert set(browser.evaluate("location.search").removeprefix("?").split("&")) == {
        f"image_id={bundles.id_of(0)}",
        "k=5",
    }


def test_the_page_about_http_is_whole(address, tmp_path) -> None:
    browser = Page(tmp_path / "profile", 390)
    browser.open(f"{address}api")
    wide, errors = browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), browser.errors
    title = browser.evaluate("document.title")
    browser.close()

    assert (title, wide, errors) == ("Kindred search: HTTP API", True, [])
