"""An ONNX network in 8-bit integers: about twice as fast where the processor multiplies these (AVX512-VNNI, AMX).

Source: B. Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
(CVPR 2018): static, here with a scale for each output channel of the weights.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from kindred.features import onnx_graphs


def quantised(graph: bytes, images: np.ndarray, batch: int) -> bytes:
    """A graph, uint8 [n, h, w, c] -> float32 [n, d], whose layers compute in int8; input and output stay what they are.
    The ranges of what the layers compute are those of the images, uint8 [n, h, w, c], in batches of so many.
    """
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "int8.onnx")
        quantization.quantize_static(
            _fused(graph, Path(folder, "fused.onnx")),
            made,
            _Batches(onnx.load_from_string(graph).graph.input[0].name, images, batch),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            calibration_providers=["CPUExecutionProvider"],
        )
        return _with_one_domain(onnx.load(made)).SerializeToString()


class _Batches:
    """What ONNX Runtime calibrates with: a batch at each call, None at the end."""

    def __init__(self, name: str, images: np.ndarray, batch: int) -> None:
        self.batches = iter([{name: images[i : i + batch]} for i in range(0, len(images), batch)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def _fused(graph: bytes, file: Path) -> onnx.ModelProto:
    """The graph with its batch normalisations inside the convolutions, as quantisation needs it; through a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(file)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    model = onnx.load(file)
    onnx.helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})  # else it is asked for, loudly
    return model


def _with_one_domain(model: onnx.ModelProto) -> Any:
    """The model without the domains that ONNX Runtime names and no node is of: it can be joined with other graphs."""
    used = {node.domain for node in model.graph.node}
    versions = {entry.domain: entry.version for entry in model.opset_import if entry.domain in used}
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(*one) for one in versions.items())
    model.ir_version = onnx_graphs.IR_VERSION
    return model
