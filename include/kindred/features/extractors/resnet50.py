"""ResNet50 without its top, averaged over all places. Source: K. He et al., Deep Residual Learning (CVPR 2016)."""

from kindred.features import onnx_graphs

IMAGE_SIZE = 224
CHANNELS = 3
WEIGHTED = True
EARLIER_MAP = "conv4_block6_out"  # the last of stride 16


def graph(size: tuple[int, int], channels: int, weights: str, earlier_map: str | None = None) -> bytes:
    return onnx_graphs.keras_application("ResNet50", size, weights, preprocessing="caffe", earlier_map=earlier_map)
