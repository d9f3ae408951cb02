"""A variant is a file; its name is the file's name."""

import subprocess
import sys

import pytest

from kindred.runtime import variants
from kindred.runtime.errors import InputError


@pytest.mark.parametrize("kind", variants.KINDS)
def test_each_kind_has_variants_in_order(kind: str) -> None:
    names = variants.names(kind)

    assert names
    assert names == sorted(names)
    assert not any(name.startswith("_") for name in names)


def test_listing_names_imports_no_variant() -> None:
    code = (
        "import sys; from kindred.runtime import variants; [variants.names(kind) for kind in variants.KINDS];"
        "sys.exit(any(name.startswith(tuple(variants.KINDS.values())) for name in sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}, check=False)

    assert done.returncode == 0


@pytest.mark.parametrize("name", ["vgg", "__init__", "../errors", ""])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match=rf"unknown extractor '{name}'; known: .*pixels"):
        variants.load("extractor", name)


def test_the_source_of_a_variant_is_its_own_file() -> None:
    assert variants.source(variants.load("extractor", "pixels")).name == "pixels.py"
