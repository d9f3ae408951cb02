"""A model that is logged today: MLflow loads it where this version of Kindred is loaded, and where there is none."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import bundles
import extracting
import kindred
from kindred.data import images
from kindred.features import onnx_graphs
from kindred.features.extractors import sift_words
from kindred.features.featurize import OPENVINO, Extractor
from kindred.learning import onnx_model
from kindred.learning.networks import Layer, Network
from kindred.runtime import file_names, tracking

pytestmark = pytest.mark.slow

PACKAGE = Path(kindred.__file__).parent
CLASSES = ["cat", "dog"]
PICTURES = [images.encode(bundles.picture(number)) for number in range(3)]
PREDICT = """
import json, sys
import pandas as pd
from mlflow import pyfunc

pictures = [bytes.fromhex(line) for line in sys.stdin.read().split()]
answer = pyfunc.load_model(sys.argv[1]).predict(pd.DataFrame({"image": pictures}))
import kindred
own = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "kindred"]
loaded = {name.split(".")[0] for name in sys.modules}
print(json.dumps({
    "code": kindred.__file__, "classes": list(answer.columns), "rows": answer.to_numpy().tolist(),
    "own": own, "loaded": sorted(loaded),
}))
"""


def save(place: Path, extractor: Extractor, network: Network, /, **files: bytes) -> Path:
    """What the stage gate has MLflow log."""
    from mlflow import pyfunc

    description = extractor.description(CLASSES, 3, network.thresholds)
    contents = {"description": description, "network": network.to_bytes(), **files}
    for name, content in contents.items():
        (place / name).write_bytes(content)
    pyfunc.save_model(
        str(place / "model_folder"),
        python_model=str(PACKAGE / "serving" / "mlflow_model.py"),
        artifacts={name: str(place / name) for name in contents},
        code_paths=[str(PACKAGE)],
        pip_requirements=[],
    )
    return place / "model_folder"


def by_graph(place: Path) -> tuple[Path, np.ndarray]:
    """A saved model whose extractor has a graph, and its probabilities of the PICTURES."""
    network = Network((Layer(np.array([[4.0, 0], [0, 4], [1, 1]]), np.zeros(2)),))
    extractor = Extractor("pixels", *bundles.SIZE, 3, "", file_names.EXTRACTOR)
    means = np.array([bundles.picture(number).mean(axis=(0, 1)) / 255 for number in range(3)])
    graph = onnx_model.whole_model(bundles.colour_graph(), network, 3)
    return save(place, extractor, network, model=graph), network.probabilities(means)


def by_function(place: Path) -> tuple[Path, np.ndarray]:
    """The same of an extractor without a graph."""
    extractor = Extractor("hog", 16, 16, 1, "", None)
    features = extractor.features([bundles.picture(number) for number in range(3)])
    network = Network((Layer(np.random.default_rng(0).normal(size=(features.shape[1], 2)), np.zeros(2)),))
    return save(place, extractor, network), network.probabilities(features)


def by_openvino(place: Path) -> tuple[Path, np.ndarray]:
    """The same of an extractor whose graph OpenVINO runs."""
    extracting.need_openvino()
    network = Network((Layer(np.array([[4.0, 0], [0, 4], [1, 1]]), np.zeros(2)),))
    extractor = Extractor("pixels", *bundles.SIZE, 3, "", file_names.EXTRACTOR, engine=OPENVINO)
    means = np.array([bundles.picture(number).mean(axis=(0, 1)) / 255 for number in range(3)])
    return save(place, extractor, network, extractor=bundles.colour_graph()), network.probabilities(means)


def of_several_labels_by_graph(place: Path) -> tuple[Path, np.ndarray]:
    """A saved model whose classes are each by itself, and its probabilities of the PICTURES."""
    network = Network((Layer(np.array([[4.0, 0], [0, 4], [1, 1]]), -np.ones(2)),), thresholds=(0.5, 0.25))
    extractor = Extractor("pixels", *bundles.SIZE, 3, "", file_names.EXTRACTOR)
    means = np.array([bundles.picture(number).mean(axis=(0, 1)) / 255 for number in range(3)])
    graph = onnx_model.whole_model(bundles.colour_graph(), network, 3)
    return save(place, extractor, network, model=graph), network.probabilities(means)


def of_several_labels_by_function(place: Path) -> tuple[Path, np.ndarray]:
    """The same of an extractor without a graph."""
    extractor = Extractor("hog", 16, 16, 1, "", None)
    features = extractor.features([bundles.picture(number) for number in range(3)])
    layers = (Layer(np.random.default_rng(0).normal(size=(features.shape[1], 2)), np.zeros(2)),)
    network = Network(layers, thresholds=(0.5, 0.25))
    return save(place, extractor, network), network.probabilities(features)


def by_function_and_graph(place: Path) -> tuple[Path, np.ndarray]:
    """The same of an extractor whose graph takes local features."""
    graph = sift_words.fit_graph(np.random.default_rng(0).integers(0, 256, (9, 32, 32, 1), np.uint8), str)
    extractor = Extractor("sift_words", 32, 32, 1, "", file_names.EXTRACTOR, local_features=True)
    pictures = [bundles.picture(number) for number in range(3)]
    features = extractor.features(pictures, session=onnx_graphs.session(graph))
    network = Network((Layer(np.random.default_rng(0).normal(size=(features.shape[1], 2)), np.zeros(2)),))
    return save(place, extractor, network, extractor=graph), network.probabilities(features)


@pytest.fixture(scope="module", params=[by_graph, by_function, by_openvino, by_function_and_graph])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    return request.param(tmp_path_factory.mktemp("saved"))


@pytest.mark.parametrize("make", [of_several_labels_by_graph, of_several_labels_by_function])
def test_a_saved_model_of_several_labels_predicts_what_its_network_does(
    make: Callable[[Path], tuple[Path, np.ndarray]], tmp_path: Path
) -> None:
    import pandas as pd
    from mlflow import pyfunc

    folder, probabilities = make(tmp_path)

    model = pyfunc.load_model(str(folder))
    answer = model.predict(pd.DataFrame({"image": PICTURES}))

    assert list(answer.columns) == CLASSES
    np.testing.assert_allclose(answer.to_numpy(), probabilities, atol=1e-6)
    assert np.abs(probabilities.sum(axis=1) - 1).max() > 0.1
    assert model.unwrap_python_model().thresholds == [0.5, 0.25]


@pytest.mark.parametrize("first", ["", "import kindred.serving.bundle"], ids=["without", "with this version"])
def test_a_saved_model_predicts_what_its_network_does(
    saved: tuple[Path, np.ndarray], first: str, tmp_path: Path
) -> None:
    folder, probabilities = saved
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if first:
        environment["PYTHONPATH"] = str(PACKAGE.parent)

    done = subprocess.run(
        [sys.executable, "-c", first + PREDICT, str(folder)],
        input="\n".join(picture.hex() for picture in PICTURES),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert Path(answer["code"]).parent == (PACKAGE if first else folder / "code" / "kindred")
    assert answer["classes"] == CLASSES
    np.testing.assert_allclose(answer["rows"], probabilities, atol=1e-5)
    needed = imported(answer["own"]) & set(answer["loaded"]) - {"pyspark"}  # MLflow loads it where it is installed
    extractor = Extractor.from_facts(json.loads((folder / "artifacts" / "description").read_bytes())["extractor"])
    assert needed <= provided((*tracking.SERVING_PACKAGES, *extractor.packages))


def imported(files: list[str]) -> set[str]:
    """The packages that these modules import, but for Python's own and Kindred."""
    trees = [ast.parse(Path(file).read_text()) for file in files]
    for tree in trees:  # what only a checker of types imports
        tree.body = [
            node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"kindred", ""}


def provided(distributions: tuple[str, ...]) -> set[str]:
    """The names under which these distributions are imported."""
    wanted = {name.replace("-", "_") for name in distributions}
    packages = metadata.packages_distributions().items()
    return {name for name, sources in packages if wanted & {source.replace("-", "_") for source in sources}}
