"""The image's own pixels, from 0 to 1, row by row."""

from kindred.features import onnx_graphs

IMAGE_SIZE = None
CHANNELS = None
WEIGHTED = False


def graph(size: tuple[int, int], channels: int, weights: str) -> bytes:
    return onnx_graphs.scaled_pixels(size, channels)
