"""Tensors of a PyTorch file of weights in its format before 1.6 (`torch.save`), without PyTorch.

The format: three pickles (a magic number, a version, facts of the machine), a pickle of the tensors, which name their
storages, a pickle of the storages' names, and each storage's number of elements and its bytes (source: PyTorch,
torch/serialization.py, `_legacy_save`). A pickle can call any function; this reader admits the types below only.
"""

import io
import math
import pickle
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np

from kindred.runtime.errors import InputError

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
COUNT_BYTES = 8
STORAGES = {
    **{"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2"},
    **{"LongStorage": "<i8", "IntStorage": "<i4", "ByteStorage": "u1", "BoolStorage": "?"},
}


class _Tensor(NamedTuple):
    storage: str
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements


def tensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a state dictionary by their names. Raises InputError for anything else than one."""
    try:
        return _tensors(io.BytesIO(content))
    except InputError:
        raise
    except Exception as error:  # a pickle that is cut or hostile raises whatever its instructions lead to
        raise InputError(f"no PyTorch weights in the format before 1.6: {type(error).__name__}: {error}") from None


def _tensors(file: io.BytesIO) -> dict[str, np.ndarray]:
    if [_Unpickler(file).load() for _ in range(3)][:2] != [MAGIC, VERSION]:
        raise InputError("no PyTorch weights in the format before 1.6: another magic number or version")
    unpickler = _Unpickler(file)
    state = unpickler.load()
    values = {}
    for name in _Unpickler(file).load():
        dtype, count = unpickler.storages[name]
        if int.from_bytes(file.read(COUNT_BYTES), "little") != count:
            raise InputError(f"the storage {name!r} has another number of elements than its tensors say")
        values[name] = np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
    return {name: _array(values[tensor.storage], tensor) for name, tensor in state.items()}


def _array(values: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """A copy of a tensor. What is outside of its storage, or larger than it, is refused before it is read."""
    last = tensor.start + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min(0, tensor.start, *tensor.shape, *tensor.strides) < 0 or max(last + 1, math.prod(tensor.shape)) > len(values):
        raise InputError(f"a tensor of shape {tensor.shape} is outside its storage")
    steps = [stride * values.itemsize for stride in tensor.strides]
    return np.lib.stride_tricks.as_strided(values[tensor.start :], tensor.shape, steps).copy()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[np.dtype, int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuilt
        if module == "torch" and name in STORAGES:
            return np.dtype(STORAGES[name])
        raise InputError(f"weights hold {module}.{name}, which is no tensor: they are not loaded")

    def persistent_load(self, pid: Any) -> str:
        _, dtype, name, _, count, view = pid
        if view is not None:
            raise InputError("a storage that is a view of another one is not read")
        self.storages[name] = dtype, count
        return str(name)


def _rebuilt(storage: str, start: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _Tensor:
    return _Tensor(storage, start, shape, strides)
