"""Tables as Arrow sees them."""

import re

import numpy as np
import pyarrow as pa
import pytest

from kindred.runtime import arrow, tables


@pytest.mark.parametrize("name", sorted(tables.TABLES))
def test_every_table_has_an_arrow_schema_with_the_same_columns(name: str) -> None:
    assert ", ".join(arrow.schema(name).names) == re.sub(r" [\w]+(<[^>]*>)?(?=,|$)", "", tables.table(name).columns)


def test_arrow_types_follow_the_columns() -> None:
    schema = arrow.schema("pseudo_labels")

    assert schema.field("scores").type == pa.map_(pa.string(), pa.float64())
    assert schema.field("nearest").type == pa.list_(pa.string())
    assert schema.field("round").type == pa.int32()


def test_lists_and_matrices_are_each_others_inverse() -> None:
    values = np.arange(6, dtype=np.float32).reshape(3, 2)

    np.testing.assert_array_equal(arrow.matrix(arrow.lists(values)), values)
    assert arrow.lists(values).to_pylist() == [[0, 1], [2, 3], [4, 5]]
