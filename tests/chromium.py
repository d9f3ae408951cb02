"""Headless Chromium at the other end of a pipe, by the DevTools protocol: what a page does when it is opened."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
)
SECONDS = 60


class Page:
    """One page, from a file or an address: its `errors`, the `requests` that it made, and what its script says."""

    def __init__(self, place: Path, width: int = 1280, dark: bool = False) -> None:
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        for end in (to_read, to_write):
            os.set_inheritable(end, True)
        shell = (
            f"exec {PROGRAM} {' '.join(repr(o) for o in OPTIONS)} --user-data-dir={place} 3<&{to_read} 4>&{to_write}"
        )
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(
            ["bash", "-c", shell], pass_fds=(to_read, to_write), stdout=quiet, stderr=quiet
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._count, self._session = b"", 0, None
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._loaded = False
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, place: Path | str) -> None:
        """Open a file or an address and wait until all of it is there."""
        self._loaded = False
        self.call("Page.navigate", url=place if isinstance(place, str) else f"file://{place.absolute()}")
        while not self._loaded:
            self._take(self._receive())

    def enter_frame(self) -> None:
        """From here on what is evaluated is so in the page's frame, which has a process of its own (a sandbox)."""
        outside, self._session = self._session, None
        until = time.monotonic() + SECONDS
        while not (frames := [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "iframe"]):
            if time.monotonic() > until:
                raise TimeoutError(f"the page of session {outside} has no frame of its own")
            time.sleep(0.05)
        self._session = self.call("Target.attachToTarget", targetId=frames[0]["targetId"], flatten=True)["sessionId"]
        self.call("Runtime.enable")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The value of a JavaScript expression as soon as it is a true one."""
        until = time.monotonic() + SECONDS
        while not (value := self.evaluate(expression)):
            if time.monotonic() > until:
                raise TimeoutError(f"never true: {expression}")
            time.sleep(0.05)
        return value

    def wait_for_tab(self, ending: str) -> dict:
        """What DevTools says of the first tab whose address ends so, as soon as there is one: `url`, `targetId`."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for target in self.call("Target.getTargets")["targetInfos"]:
                if target["url"].endswith(ending):
                    return target
            time.sleep(0.05)
        raise TimeoutError(f"no tab with {ending}")

    def screenshot(self, file: Path) -> None:
        """The whole page as a PNG."""
        image = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(image["data"]))

    def call(self, method: str, **params: Any) -> dict:
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self._take(answer)

    def close(self) -> None:
        os.close(self._write)
        os.close(self._read)
        self._process.terminate()
        self._process.wait(SECONDS)

    def _receive(self) -> dict:
        until = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            part = os.read(self._read, 2**16)
            if not part or time.monotonic() > until:
                raise TimeoutError("Chromium says nothing")
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _take(self, event: dict) -> None:
        method, params = event.get("method"), event.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
            self.errors.append(json.dumps(params["args"]))
