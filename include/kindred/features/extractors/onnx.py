"""A network in an ONNX file of your own: CLIP, SigLIP, DINOv2, ConvNeXt or any other that maps images to vectors."""

from collections.abc import Callable

from kindred.features import onnx_files, onnx_parts
from kindred.features import preprocessing as preprocessings
from kindred.features.onnx_files import Network
from kindred.features.text_files import TextTower, read_tower

CODE = (onnx_files, onnx_parts, preprocessings)
IMAGE_SIZE = None
CHANNELS = 3
WEIGHTED = True


def network(weights: str, preprocessing: str, output: str) -> Network:
    return onnx_files.read(weights, preprocessing, output)


def text(weights: str, say: Callable[[str], None]) -> TextTower | None:
    return read_tower(weights, say)


def check(weights: str, preprocessing: str) -> None:
    """Raise InputError for what shows without reading the file."""
    onnx_files.existing(weights)
    if preprocessing:
        preprocessings.parse(preprocessing)
