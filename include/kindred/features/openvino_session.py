"""A graph in OpenVINO: an int8 network takes 62 to 74 % of the time that ONNX Runtime takes, by other roundings."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from kindred.runtime import openvino_package
from kindred.runtime.errors import InputError

ANY = -1  # number of images


class Value(NamedTuple):
    """An input or output."""

    name: str


class Session:
    """Does what extractors ask of an ONNX Runtime session, for a graph of one input, uint8 [n, h, w, c]; may be used by
    several threads. Fastest for batches of `images`; the features are the same bytes for any. Raises InputError for a
    graph that OpenVINO does not take, and where it is not installed.
    """

    def __init__(self, graph: bytes | str, threads: int, images: int) -> None:
        self._core, self._graph = openvino_package.imported().Core(), graph
        self._settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # else two processes may share a core while another has nothing to do
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not in int8, whatever the processor prefers
        }
        self.images = images
        self._compiled = functools.cache(self._compile)
        self._compiled(images)

    def _compile(self, images: int) -> Any:
        try:
            model = self._core.read_model(self._graph)
            model.reshape([images, *list(model.inputs[0].partial_shape)[1:]])
            return self._core.compile_model(model, "CPU", self._settings)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1][:200]
            raise InputError(f"OpenVINO does not take this network; use precision int8: {reason}") from None

    def get_inputs(self) -> list[Value]:
        return [Value(one.any_name) for one in self._compiled(self.images).inputs]

    def get_outputs(self) -> list[Value]:
        return [Value(one.any_name) for one in self._compiled(self.images).outputs]

    def run(self, names: Sequence[str], values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        (images,) = values.values()
        compiled = self._compiled(self.images if len(images) == self.images else ANY)
        outputs = compiled.create_infer_request().infer([images], share_inputs=True)
        return [outputs[name] for name in names]
