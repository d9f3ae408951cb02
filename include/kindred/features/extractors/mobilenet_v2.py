"""MobileNetV2 without its top, averaged over all places. Source: M. Sandler et al., MobileNetV2 (CVPR 2018)."""

from kindred.features import onnx_graphs

IMAGE_SIZE = 224
CHANNELS = 3
WEIGHTED = True
EARLIER_MAP = "block_13_expand_relu"  # the last of stride 16


def graph(size: tuple[int, int], channels: int, weights: str, earlier_map: str | None = None) -> bytes:
    return onnx_graphs.keras_application(
        "MobileNetV2", size, weights, "tf", widths=(1.0, 1.4, 1.3, 0.75, 0.5, 0.35), earlier_map=earlier_map
    )
