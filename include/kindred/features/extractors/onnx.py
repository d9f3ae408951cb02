"""A network in an ONNX file of your own: CLIP, SigLIP, DINOv2, ConvNeXt or any other that maps images to vectors."""

from kindred.features import onnx_files
from kindred.features import preprocessing as preprocessings
from kindred.features.onnx_files import Network

CODE = (onnx_files, preprocessings)
IMAGE_SIZE = None
CHANNELS = 3
WEIGHTED = True


def network(weights: str, preprocessing: str, output: str) -> Network:
    return onnx_files.read(weights, preprocessing, output)


def check(weights: str, preprocessing: str) -> None:
    """Raise InputError for what shows without reading the file."""
    onnx_files.existing(weights)
    if preprocessing:
        preprocessings.parse(preprocessing)
