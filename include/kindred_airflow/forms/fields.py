"""The kinds of fields that forms have several of."""

from typing import Any

from airflow.sdk import Param

from kindred.runtime import variants


def choice(kind: str, default: str, title: str, description: str) -> Param:
    """One of the variants of a kind; `auto` too where that is the default."""
    auto = [variants.AUTO] if default == variants.AUTO else []
    return Param(default, type="string", enum=[*auto, *variants.offered(kind)], title=title, description=description)


def optional_count(title: str, description: str, minimum: int = 1) -> Param:
    """A whole number, or empty."""
    return Param(None, type=["null", "integer"], minimum=minimum, title=title, description=description)


def optional_bound(title: str, description: str, maximum: float | None = None) -> Param:
    """A number above 0, or empty."""
    limit: dict[str, Any] = {} if maximum is None else {"maximum": maximum}
    return Param(None, type=["null", "number"], exclusiveMinimum=0, title=title, description=description, **limit)


def numbers(default: list[int], kind: str, limits: dict[str, int], title: str, description: str) -> Param:
    """At least one number of a kind, "integer" or "number"."""
    items = {"type": kind, **limits}
    return Param(default, type="array", minItems=1, items=items, title=title, description=description)


def section(title: str, params: dict[str, Param]) -> dict[str, Param]:
    """The same fields under a heading that the form unfolds; fields without one come first and are always seen."""
    return {
        name: Param(param.value, param.description, **{**param.schema, "section": title})
        for name, param in params.items()
    }


def described(param: Param, description: str) -> Param:
    """The same field with another description."""
    return Param(param.value, description, **param.schema)
