"""The page that documents the HTTP API, made of the app's own OpenAPI description."""

from pathlib import Path
from typing import Any

from kindred.runtime import templates

FOLDER = Path(__file__).parent


def page(description: dict[str, Any]) -> str:
    """HTML of an OpenAPI description."""
    template = templates.environment(FOLDER).get_template("manual.html")
    return template.render(title=description["info"]["title"], routes=_routes(description))


def _routes(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "method": method.upper(),
            "path": path,
            "description": operation["description"],
            "parameters": [_parameter(parameter) for parameter in operation.get("parameters", [])],
        }
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]


def _parameter(parameter: dict[str, Any]) -> dict[str, str]:
    schema = parameter["schema"]
    kinds = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    limits = [f"{word} {kinds[0][key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in kinds[0]]
    choices = ", ".join(map(str, kinds[0].get("enum", [])))
    default = schema.get("default")
    if isinstance(default, bool):
        default = str(default).lower()
    return {
        "name": parameter["name"],
        "kind": choices or " ".join([_type(kinds[0]), *limits]),
        "default": "required" if parameter["required"] else "" if default is None else str(default),
        "description": parameter.get("description", ""),
    }


def _type(schema: dict[str, Any]) -> str:
    return f"any number of {schema['items']['type']}s" if schema["type"] == "array" else str(schema["type"])
