"""The pictures of README and docs: a run on the digits, its pages in headless Chromium, in docs/images.

    make screenshots

Takes five minutes in a temporary data folder, and needs Chromium. `--data FOLDER` takes the run `first`
and the databases of the servers from a data folder that is there already.
"""

import argparse
import base64
import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from chromium import PROGRAM, Page  # noqa: E402

IMAGES = ROOT / "docs" / "images"
RUN = "first"
COLOURS = 96  # of a picture: a third of its size in all colours
MAX_BYTES = 600_000  # of all pictures
SECONDS = 60  # until a server listens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", help="with a finished run `first`; without it, one is made")
    args = parser.parse_args()
    if PROGRAM is None:
        sys.exit("no Chromium: install chromium, or google-chrome")
    with contextlib.ExitStack() as stack:
        data = args.data or stack.enter_context(tempfile.TemporaryDirectory())
        env = {**os.environ, "KINDRED_DATA": str(Path(data).absolute()), "PYTHONPATH": str(ROOT / "include")}
        folder = Path(data, "runs", "self_training", RUN)
        if not folder.joinpath("report.html").exists():
            subprocess.run(command("run"), env={**env, "RUN_ID": RUN}, check=True)
        page = Page(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stack.callback(page.close)
        save("report", of_report(page, folder / "report.html"))
        with served("search", {**env, "RUN": RUN}, "SEARCH_PORT") as (address, _):
            save("search", of_search(page, address))
        with served("serve", env, "AIRFLOW_PORT", "MLFLOW_PORT") as (address, console):
            password = logged_in(page, address, Path(data))
            save("form", of_form(page, address))
            mlflow = re.search(r"MLflow +(\S+)", console)
            assert mlflow
            save("mlflow", of_mlflow(page, mlflow[1], password))
    sizes = {path.name: path.stat().st_size for path in sorted(IMAGES.glob("*.png"))}
    print("\n".join(f"{name:12} {size:>7,} bytes" for name, size in sizes.items()))
    if sum(sizes.values()) > MAX_BYTES:
        sys.exit(f"{sum(sizes.values()):,} bytes together, over {MAX_BYTES:,}")


def of_report(page: Page, file: Path) -> bytes:
    page.open(file)
    return picture(page, 900)


def of_search(page: Page, address: str) -> bytes:
    page.open(address)
    page.wait_for("document.querySelectorAll('#list a').length")
    page.evaluate("document.querySelector('#list a').click()")
    page.wait_for("document.querySelectorAll('#results img').length >= 8")
    loaded(page)
    return picture(page, 900)


def of_form(page: Page, address: str) -> bytes:
    page.open(f"{address}/dags/self_training")
    button = "[...document.querySelectorAll('button')].find(button => /^Trigger/.test(button.innerText))"
    page.wait_for(f"Boolean({button})")
    page.evaluate(f"{button}.click()")
    page.wait_for("document.querySelectorAll('[role=dialog] input').length")
    page.wait_for("!document.querySelector('[role=dialog][data-state=opening]')")
    return picture(page, 900)


def of_mlflow(page: Page, address: str, password: str) -> bytes:
    login = base64.b64encode(f"admin:{password}".encode()).decode()
    page.call("Network.setExtraHTTPHeaders", headers={"Authorization": f"Basic {login}"})
    page.open(address)
    page.wait_for(f"document.body.innerText.includes({json.dumps(RUN)})")
    loaded(page)
    return picture(page, 600)


def logged_in(page: Page, address: str, data: Path) -> str:
    """Give the page the login of Airflow's admin; the password."""
    passwords = json.loads(next(data.glob("airflow/*passwords*")).read_text())
    body = json.dumps({"username": "admin", "password": passwords["admin"]}).encode()
    request = urllib.request.Request(f"{address}/auth/token", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        token = json.load(answer)["access_token"]
    page.call("Network.setCookie", name="_token", value=token, url=address)
    return str(passwords["admin"])


def loaded(page: Page) -> None:
    """Wait until all pictures of a page are there."""
    page.wait_for("[...document.images].every(image => image.complete)")


def picture(page: Page, height: int) -> bytes:
    """The upper part of what a page shows, as a PNG."""
    clip = {"x": 0, "y": 0, "width": 1280, "height": height, "scale": 1}
    return base64.b64decode(page.call("Page.captureScreenshot", clip=clip)["data"])


def save(name: str, png: bytes) -> None:
    """Keep a picture with few colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    IMAGES.mkdir(parents=True, exist_ok=True)
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)


@contextlib.contextmanager
def served(name: str, env: dict[str, str], *ports: str) -> Iterator[tuple[str, str]]:
    """What a command of `make` serves, on free ports: its first address, and what it has printed."""
    env = {**env, **{port: str(free_port()) for port in ports}, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command(name), env=env, stdout=subprocess.PIPE, text=True)
    printed = ""
    try:
        for line in process.stdout or ():
            printed += line
            if "Ctrl-C" in line:
                break
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert address, printed
        wait_until_open(int(address[0].rsplit(":", 1)[1]))
        yield address[0], printed
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def wait_until_open(port: int) -> None:
    until = time.monotonic() + SECONDS
    with socket.socket() as probe:
        while probe.connect_ex(("127.0.0.1", port)):
            if time.monotonic() > until:
                sys.exit(f"nothing listens on port {port}")
            time.sleep(0.1)


def command(name: str) -> list[str]:
    return [sys.executable, "-m", f"kindred_airflow.{name}", *(["up"] if name == "serve" else [])]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
