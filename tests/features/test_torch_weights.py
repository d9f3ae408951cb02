"""PyTorch's files of weights, read without PyTorch. The files here are written as `torch.save` wrote them."""

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from kindred.features import torch_weights
from kindred.runtime.errors import InputError


class Named:
    """A function or a class that a pickle names, such as `torch.FloatStorage`."""

    def __init__(self, module: str, name: str) -> None:
        self.names = module, name


class Tensor:
    def __init__(self, storage: str, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.values = storage, start, shape, strides


class Pickler(pickle._Pickler):
    """Writes tensors as PyTorch does: a call of `_rebuild_tensor_v2` with a reference to their storage."""

    def __init__(self, file: io.BytesIO, kind: str, counts: dict[str, int]) -> None:
        super().__init__(file, protocol=2)
        self.kind, self.counts = kind, counts

    def persistent_id(self, value: Any) -> Any:
        if not isinstance(value, Storage):
            return None
        return "storage", Named("torch", self.kind), value.name, "cpu", self.counts[value.name], None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, Named):
            self.write(pickle.GLOBAL + "{}\n{}\n".format(*value.names).encode())
        elif isinstance(value, Tensor):
            storage, *rest = value.values
            self.save(Named("torch._utils", "_rebuild_tensor_v2"))
            self.save((Storage(storage), *rest, False, OrderedDict()))
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


class Storage:
    def __init__(self, name: str) -> None:
        self.name = name


def written(state: dict[str, Any], storages: dict[str, np.ndarray], kind: str = "FloatStorage") -> bytes:
    file = io.BytesIO()
    for head in (torch_weights.MAGIC, torch_weights.VERSION, {"little_endian": True}):
        pickle.dump(head, file, protocol=2)
    Pickler(file, kind, {name: len(values) for name, values in storages.items()}).dump(OrderedDict(state))
    pickle.dump(list(storages), file, protocol=2)
    for values in storages.values():
        file.write(len(values).to_bytes(8, "little") + values.tobytes())
    return file.getvalue()


SIX = np.arange(6, dtype=np.float32)


def test_tensors_are_views_of_their_storages_in_any_order_of_axes() -> None:
    state = {
        "rows": Tensor("a", 0, (2, 3), (3, 1)),
        "turned": Tensor("a", 0, (3, 2), (1, 3)),
        "one": Tensor("a", 4, (), ()),
    }

    tensors = torch_weights.tensors(written(state, {"a": SIX}))

    assert tensors["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensors["turned"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert tensors["one"] == 4
    assert {values.dtype for values in tensors.values()} == {np.dtype(np.float32)}


def test_whole_numbers_have_their_own_type() -> None:
    content = written({"count": Tensor("a", 0, (1,), (1,))}, {"a": np.array([7], np.int64)}, "LongStorage")

    assert torch_weights.tensors(content)["count"].tolist() == [7]


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor("a", 4, (3,), (1,)),
        Tensor("a", -1, (2,), (1,)),
        Tensor("a", 0, (1 << 40, 1 << 40), (0, 0)),
        Tensor("a", 5, (2,), (-1,)),
        Tensor("a", 0, (2, 2), (4, 2)),
    ],
    ids=["beyond the end", "before the start", "larger than its storage", "backwards", "with gaps beyond the end"],
)
def test_a_tensor_outside_its_storage_is_refused(tensor: Tensor) -> None:
    with pytest.raises(InputError, match="outside its storage"):
        torch_weights.tensors(written({"x": tensor}, {"a": SIX}))


@pytest.mark.parametrize(
    "named", [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("numpy", "fromfile"), ("collections", "abc")]
)
def test_a_pickle_that_names_anything_but_tensors_is_refused_before_it_acts(named: tuple[str, str]) -> None:
    content = written({"x": Named(*named)}, {"a": SIX})

    with pytest.raises(InputError, match=rf"hold {named[0]}.{named[1]}, which is no tensor: they are not loaded"):
        torch_weights.tensors(content)


class Reduced:
    def __reduce__(self) -> Any:
        return print, ("called",)


def test_a_pickle_that_would_call_a_function_is_refused_in_each_place(capsys) -> None:
    whole = written({"x": Tensor("a", 0, (6,), (1,))}, {"a": SIX})
    call = pickle.dumps(Reduced(), protocol=2)
    heads = [pickle.dumps(head, protocol=2) for head in (torch_weights.MAGIC, torch_weights.VERSION)]

    for content in (call, heads[0] + call, b"".join(heads) + call, whole.replace(heads[0], call)):
        with pytest.raises(InputError, match="which is no tensor: they are not loaded"):
            torch_weights.tensors(content)
    assert capsys.readouterr().out == ""


def test_a_file_that_is_cut_anywhere_is_refused_in_one_line() -> None:
    whole = written({"x": Tensor("a", 0, (6,), (1,))}, {"a": SIX})

    for end in range(0, len(whole), 7):
        with pytest.raises(InputError) as caught:
            torch_weights.tensors(whole[:end])
        assert "\n" not in str(caught.value)


def test_the_format_of_today_is_named() -> None:
    with pytest.raises(InputError, match="no PyTorch weights in the format before 1.6"):
        torch_weights.tensors(b"PK\x03\x04 a zip archive")
