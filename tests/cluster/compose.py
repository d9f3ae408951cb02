"""docker-compose.yaml as the cluster's tests read it: merged, with the variables of an .env file put in."""

import re
import shlex
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast
VARIABLE = re.compile(r"\$\{(\w+)(:\?[^}]*)?\}")


def text() -> str:
    return (ROOT / "docker-compose.yaml").read_text()


def variables() -> set[str]:
    """The names of all variables that the file asks for."""
    return {name for name, _ in VARIABLE.findall(text())}


def read_env(content: str) -> dict[str, str]:
    """The variables of an .env file."""
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def services(env: dict[str, str]) -> dict[str, dict]:
    """The services by name. Raises KeyError for a variable that has no value, as Compose stops there."""

    def value(found: re.Match) -> str:
        if not env[found[1]]:
            raise KeyError(found[1])
        return env[found[1]]

    return yaml.load(VARIABLE.sub(value, text()), LOADER)["services"]


def command(service: dict) -> list[str]:
    return shlex.split(service["command"])
