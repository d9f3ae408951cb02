"""InceptionV3 without its top, averaged over all places. Source: C. Szegedy et al., Rethinking the Inception
Architecture (CVPR 2016).
"""

from kindred.features import onnx_graphs

IMAGE_SIZE = 299
CHANNELS = 3
WEIGHTED = True


def graph(size: tuple[int, int], channels: int, weights: str) -> bytes:
    return onnx_graphs.keras_application("InceptionV3", size, weights, preprocessing="tf")
