"""The same int8 network in OpenVINO: features of its own, the same for any batches, and no word to anybody outside."""

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import extracting
import kindred
from extracting import MIXED, noises, run
from kindred.features import extractor_setup, onnx_graphs, openvino_session, quantisation
from kindred.features.featurize import OPENVINO, Extractor
from kindred.runtime import openvino_package, variants
from kindred.runtime.errors import InputError

pytestmark = pytest.mark.slow

NAME, SIDE = "efficientnet_lite0", 32
OURS = Extractor(NAME, SIDE, SIDE, 3, "", "graph.onnx", engine=OPENVINO)
LINE = f"precision int8_openvino needs the package openvino: {openvino_package.INSTALL}"
# Its one argument is the graph; the telemetry package that it finds first would fork, connect and send.
PROGRAM = """
import os, sys
OUTSIDE = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "os.fork", "subprocess.Popen", "os.posix_spawn")
sys.addaudithook(lambda event, values: event in OUTSIDE and os.write(1, f"{event} {values}".encode()))
import numpy as np
from kindred.features.featurize import OPENVINO, Extractor
extractor = Extractor("efficientnet_lite0", 32, 32, 3, "", "graph.onnx", engine=OPENVINO)
features = extractor.features([np.zeros((32, 32, 3), np.uint8)] * 3, session=extractor.session(sys.argv[1]))
assert features.shape == (3, 1280), features.shape
assert "openvino" in sys.modules
open_files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
print([name for name in open_files if "socket:" in name])
"""
TELEMETRY = """
import socket
socket.create_connection(("127.0.0.1", 9), timeout=1)
"""


@pytest.fixture(scope="module")
def int8() -> bytes:
    """A small network, uint8 [n, 32, 32, 3] -> [n, 1280]."""
    graph = variants.load("extractor", NAME).graph((SIDE, SIDE), 3, "random")
    return quantisation.quantised(graph, noises(SIDE, SIDE, 3, count=8), 4)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_where_it_is_not_installed_one_line_says_how(missing: None, int8: bytes) -> None:
    with pytest.raises(InputError) as chosen:
        extractor_setup.for_dataset(NAME, SIDE, "random", MIXED, precision="int8_openvino")
    with pytest.raises(InputError) as opened:
        OURS.session(int8)

    assert str(chosen.value) == str(opened.value) == LINE


def test_its_features_have_a_fingerprint_of_their_own_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_package, "check", lambda: None)
    made = []
    for version in ("1.0", "1.1"):
        monkeypatch.setattr(extractor_setup.metadata, "version", lambda name, version=version: version)
        made.append(extractor_setup.for_dataset(NAME, SIDE, "random", MIXED, precision="int8_openvino"))
    int8 = extractor_setup.for_dataset(NAME, SIDE, "random", MIXED, precision="int8")

    assert len({extractor.fingerprint for extractor in (*made, int8)}) == 3
    assert made[0] == replace(int8, fingerprint=made[0].fingerprint, engine=OPENVINO)


def test_its_features_are_near_those_of_onnx_runtime_and_the_same_bytes_for_any_batches(int8: bytes) -> None:
    extracting.need_openvino()
    images = noises(SIDE, SIDE, 3, count=7)
    session = openvino_session.Session(int8, threads=1, images=3)

    ours = session.run(["features"], {"images": images})[0]

    batches = [session.run(["features"], {"images": images[i : i + 3]})[0] for i in (0, 3, 6)]
    theirs = run(int8, images)
    cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert np.concatenate(batches).tobytes() == ours.tobytes()
    assert cosines.min() > 0.98
    assert OURS.features(list(images), session=OURS.session(int8, threads=2)).tobytes() == ours.tobytes()


def test_a_query_with_regions_has_the_features_of_the_gallery(int8: bytes) -> None:
    extracting.need_openvino()
    image = noises(SIDE, SIDE, 3, count=1)[0]

    session = OURS.session(onnx_graphs.with_regions(int8) or b"", images=1)

    assert [output.name for output in session.get_outputs()] == ["features", onnx_graphs.REGIONS]
    features = OURS.features([image], session=session)
    assert features.tobytes() == OURS.features([image], session=OURS.session(int8)).tobytes()
    places = OURS.output(onnx_graphs.REGIONS, [image], session)
    np.testing.assert_allclose(places.mean(axis=(1, 2)), features, atol=1e-5)


def test_a_graph_that_it_does_not_take_is_refused_in_one_line() -> None:
    extracting.need_openvino()

    with pytest.raises(InputError, match="^OpenVINO does not take this network; use precision int8: .+$"):
        OURS.session(b"no graph")


def test_no_process_connects_to_anything(int8: bytes, tmp_path: Path) -> None:
    extracting.need_openvino()
    (tmp_path / "openvino_telemetry.py").write_text(TELEMETRY)
    (tmp_path / "graph.onnx").write_bytes(int8)
    environment = {name: value for name, value in os.environ.items() if name != "CI"}  # where it sends nothing anyway
    paths = [str(tmp_path), str(Path(kindred.__file__).parents[1]), environment.get("PYTHONPATH", "")]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "HOME": str(tmp_path)}

    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "graph.onnx")]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert sorted(file.name for file in tmp_path.iterdir()) == ["graph.onnx", "openvino_telemetry.py"]
