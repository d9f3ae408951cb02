"""MobileNet without its top, averaged over all places. Source: A. Howard et al., MobileNets (2017)."""

from kindred.features import onnx_graphs

IMAGE_SIZE = 224
CHANNELS = 3
WEIGHTED = True


def graph(size: tuple[int, int], channels: int, weights: str) -> bytes:
    return onnx_graphs.keras_application("MobileNet", size, weights, preprocessing="tf", widths=(1.0, 0.75, 0.5, 0.25))
