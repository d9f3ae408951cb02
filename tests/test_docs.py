"""The documentation is true: links lead somewhere, and commands, params, files, names and messages exist."""

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import kindred
from kindred.runtime import variants

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
CODE = [path for folder in ("include", "spark_jobs", "bin", "dags", "plugins") for path in (ROOT / folder).rglob("*")]
WIDTH, README_LINES = 120, 150
EXAMPLE = "class_sizes"  # the stage and the DAG that CONTRIBUTING.md shows how to add
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.M | re.S)
SUFFIXES = r"(?:py|sh|ya?ml|toml|txt|in|css|html|js|json|png)"


def text(page: Path) -> str:
    return page.read_text()


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text(page))


def blocks(page: Path, language: str) -> list[str]:
    return [textwrap.dedent(body) for _, name, body in FENCE.findall(text(page)) if name == language]


def anchors(page: Path) -> set[str]:
    """What links to a page's headings may end with, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def source(path: Path) -> str:
    """A file of code, each text that is written in several parts in one."""
    return re.sub(r'"\s*\n\s*[fr]?"', "", path.read_text(errors="replace"))


def named(page: Path, pattern: str) -> set[str]:
    return {found for found in re.findall(pattern, text(page)) if EXAMPLE not in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)) if "://" not in link]

    for link in links:
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_of_a_page_is_in_the_makefile(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    commands = [*re.findall(r"`([^`\n]+)`", prose(page)), *"".join(blocks(page, "sh")).splitlines()]

    assert {found[1] for line in commands if (found := re.match(r"(?:.*&& )?make ([a-z-]+)", line))} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    roots = [ROOT, ROOT / "include" / "kindred", page.parent]

    for path in named(page, rf"(?<![\w/.<>*-])((?:[\w.-]+/)+[\w.-]+\.{SUFFIXES})\b(?!/)"):
        first = path.split("/")[0]
        ours = any((root / first).is_dir() for root in roots)
        assert not ours or any((root / path).exists() for root in roots) or is_new_file(page, path), path


def is_new_file(page: Path, path: str) -> bool:
    """Whether a block of the page shows the file, as one to add."""
    return any(block.startswith(f"# {path}") for block in blocks(page, "python"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_names_of_the_code_that_a_page_uses_exist(page: Path) -> None:
    for name in named(page, r"(?<![\w/.])(kindred(?:_airflow)?(?:\.[A-Za-z_]\w*)+)"):
        assert exists(name), name


def exists(name: str) -> bool:
    """Whether a dotted name is a module, a name in one, or a text of the code (a tag, a file)."""
    parts = name.split(".")
    if any(f'"{name}"' in source(path) for path in CODE if path.suffix == ".py") or parts[-1] in ("sql", "zip"):
        return True
    for count in range(len(parts), 0, -1):
        base = ROOT / "include" / Path(*parts[:count])
        if base.is_dir() and count == len(parts):
            return True
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                rest = parts[count:]
                return not rest or bool(
                    re.search(rf"^(?:def|class) {rest[0]}\b|^{rest[0]}\b.*=", file.read_text(), re.M)
                )
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_python_of_a_page_imports_exists(page: Path) -> None:
    for name in imported(page):
        assert not name.startswith("kindred") or EXAMPLE.upper() in name or exists(name), name


def imported(page: Path) -> Iterator[str]:
    """The names that the complete Python blocks of a page import."""
    for block in blocks(page, "python"):
        if "import " in block:
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom):
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)
                elif isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)


def test_the_messages_of_troubleshooting_are_those_of_the_code() -> None:
    messages = re.findall(r"^\| `([^`]+)` \|", text(ROOT / "docs" / "troubleshooting.md"), re.M)
    sources = [source(path) for path in CODE if path.is_file() and "__pycache__" not in path.parts]

    assert len(messages) > 30
    for message in messages:
        parts = [part.strip() for part in message.split("...") if len(part.strip()) > 3]
        assert any(all(part in code for part in parts) for code in sources), message


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_narrow_but_for_tables_and_links(page: Path) -> None:
    wide = [line for line in text(page).splitlines() if len(line) > WIDTH and not line.lstrip().startswith("|")]

    assert [line for line in wide if "](" not in line and "://" not in line] == []


def test_the_readme_is_short_and_its_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())

    assert len(text(ROOT / "README.md").splitlines()) <= README_LINES
    assert pictures
    assert all(picture.stat().st_size < 200_000 for picture in pictures)


def test_the_design_shows_every_import_of_a_room() -> None:
    diagram = blocks(ROOT / "docs" / "design.md", "mermaid")[0]
    below = {room: reached(room, re.findall(r"(\w+) --> (\w+)", diagram)) for room in re.findall(r"(\w+) -->", diagram)}
    graph = grimp.build_graph("kindred", cache_dir=None)

    edges = {
        (name.split(".")[1], other.split(".")[1])
        for name in graph.modules
        for other in graph.find_modules_directly_imported_by(name)
        if name.count(".") and other.count(".") and name != "kindred.search.__main__"
    }
    assert {(room, other) for room, other in edges if room != other and other not in below[room]} == set()


def reached(room: str, edges: list[tuple[str, str]]) -> set[str]:
    """The rooms to which arrows lead from a room, directly or by way of others."""
    direct = {other for one, other in edges if one == room}
    return direct | {other for one in direct for other in reached(one, edges)}


def test_the_design_describes_every_room_by_files_that_are_there() -> None:
    paragraphs = text(ROOT / "docs" / "design.md").split("\n\n")
    described = {found[1]: part for part in paragraphs if (found := re.match(r"\*\*`(\w+)/`\*\*", part))}

    folders = {path.name: path for path in Path(kindred.__file__).parent.iterdir() if (path / "__init__.py").exists()}
    assert described.keys() == folders.keys()
    for room, part in described.items():
        names = re.findall(r"`([\w/]+(?:\.py|/))`", part)[1:]
        assert names
        assert [name for name in names if not (folders[room] / name).exists()] == []


@pytest.mark.parametrize("kind", sorted(variants.KINDS.keys() - {"clusterer"}))  # all clusterers are tried
def test_the_params_list_every_variant(kind: str) -> None:
    row = re.search(rf"^\| `{kind}` \|.*$", text(ROOT / "docs" / "params.md"), re.M)[0]

    assert [name for name in variants.names(kind) if f"`{name}`" not in row and f'"{name}"' not in row] == []


@pytest.mark.airflow
def test_the_params_of_the_page_are_those_of_the_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))

    forms = {
        dag_id: {name: dag.params.get_param(name).value for name in dag.params} for dag_id, dag in bag.dags.items()
    }
    assert documented_params() == forms


def documented_params() -> dict[str, dict[str, object]]:
    """The params and defaults in docs/params.md, by DAG."""
    sections = re.split(r"^## (\w[\w ]*)$", text(ROOT / "docs" / "params.md"), flags=re.M)[1:]
    found = {}
    for dag_id, section in zip(sections[::2], sections[1::2], strict=True):
        rows = re.findall(r"^\| `(\w+)` \| (?:`([^`]*)`)? *\|", section, re.M)
        if "| param |" in section:
            found[dag_id] = {name: json.loads(default) if default else None for name, default in rows}
        for other, left_out in re.findall(r"^And those of \[(\w+)\]\(#\w+\), without `(\w+)`\.$", section, re.M):
            found[dag_id] |= {name: value for name, value in found[other].items() if name != left_out}
    return found
