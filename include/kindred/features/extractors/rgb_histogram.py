"""Which colours an image has, wherever they are: the shares of its pixels in 8 x 8 x 8 cells of RGB; of a grey image in
64 ranges of grey. Their square roots, so that Euclidean distance is Hellinger's.

Source: M. Swain, D. Ballard, Color Indexing (International Journal of Computer Vision 1991).
"""

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from kindred.features import onnx_graphs
from kindred.features.onnx_graphs import Constants

IMAGE_SIZE = None
CHANNELS = None
WEIGHTED = False
BINS = {1: 64, 3: 8}  # of each channel, by the number of channels; all channels are counted together


def graph(size: tuple[int, int], channels: int, weights: str) -> bytes:
    bins = BINS[channels]
    cells = bins**channels
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Cast", ["images"], "levels", {"to": TensorProto.INT64}),
        ("Div", ["levels", "levels_per_bin"], "bins", {}),
        ("Mul", ["bins", "places"], "placed", {}),
        ("ReduceSum", ["placed", "channel_axis"], "cell_map", {"keepdims": 0}),
        ("Flatten", ["cell_map"], "cells", {"axis": 1}),
        ("Shape", ["cells"], "shape", {}),
        ("Expand", ["unit", "shape"], "units", {}),
        ("Shape", ["images"], "image_count", {"start": 0, "end": 1}),
        ("Concat", ["image_count", "width"], "histogram_shape", {"axis": 0}),
        ("Expand", ["zero", "histogram_shape"], "empty", {}),
        ("ScatterElements", ["empty", "cells", "units"], "counts", {"axis": 1, "reduction": "add"}),
        ("Div", ["counts", "pixel_count"], "histogram", {}),
        ("Sqrt", ["histogram"], "features", {}),
    ]
    nodes = [helper.make_node(kind, inputs, [output], **settings) for kind, inputs, output, settings in steps]
    constants: Constants = {
        "levels_per_bin": np.int64(256 // bins),
        "places": bins ** np.arange(channels - 1, -1, -1, dtype=np.int64),
        "channel_axis": np.array([3]),
        "unit": np.float32(1),
        "zero": np.float32(0),
        "width": np.array([cells]),
        "pixel_count": np.float32(size[0] * size[1]),
    }
    return onnx_graphs.extractor_graph(nodes, (*size, channels), ("features", [cells]), constants)
