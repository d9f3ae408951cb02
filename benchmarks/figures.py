"""Runs the benchmarks and writes their tables into docs/figures.md, each with the machine and the commit it is from.

    make figures DATA="STL10=folder FASHION_MNIST=folder"     all of them: hours
    make figures ONLY="search encode"                         some of them

figures.toml names the benchmarks. What one measures is kept in results/<name>.json; its table in the page stands
between `<!-- figures: name -->` and `<!-- /figures -->`. Where a benchmark fails, or its data or a quiet machine is
missing, its figures stay as they are, with their date.
"""

import argparse
import dataclasses
import datetime
import json
import os
import re
import string
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
from pathlib import Path
from typing import Any

import bench
import quiet

HERE = Path(__file__).parent
SPECIFICATION, RESULTS = HERE / "figures.toml", HERE / "results"
PAGE = bench.ROOT / "docs" / "figures.md"
BLOCK = re.compile(r"(<!-- figures: (\S+) -->\n).*?(<!-- /figures -->)", re.S)
DATA = re.compile(r"\b[A-Z][A-Z0-9_]+\b")  # in a command: a folder that the user names
UNKNOWN, WIDTH = "–", 114
WAIT_SECONDS, LOOK_SECONDS = 600, 15  # for the load to fall, as the last benchmark's own has to


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """Commands, and the table of their figures: a row for each value of the `{names}` in `rows`, which begin a figure's
    name; in its `columns`, by their titles, formats of what follows. `timed`: it needs a quiet machine.
    """

    name: str
    commands: list[str]
    rows: str
    columns: dict[str, str]
    timed: bool = False

    def table(self, figures: dict[str, Any]) -> list[list[str]]:
        """The head and the rows, from all figures by their names.

        >>> rates = Benchmark("s", [], "search/{way}/", {"queries/s": "{rate:,.0f}", "recall": "{recall:.2f}"})
        >>> rates.table({"search/exact/rate": 1234.5, "search/exact/recall": 1.0, "search/graph/rate": 9.0})
        [['way', 'queries/s', 'recall'], ['exact', '1,234', '1.00'], ['graph', '9', '–']]
        """
        names = [name for _, name, _, _ in string.Formatter().parse(self.rows) if name]
        begin = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.rows)))
        by_row: dict[tuple[str, ...], dict[str, Any]] = {}
        for name, value in figures.items():
            if match := begin.match(name):
                by_row.setdefault(match.groups(), {})[name[match.end() :]] = value
        rows = [[*row, *(_cell(form, values) for form in self.columns.values())] for row, values in by_row.items()]
        known = [row for row in rows if any(cell != UNKNOWN for cell in row[len(names) :])]
        return [[*names, *self.columns], *known]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="the benchmarks to run; else all")
    parser.add_argument("--data", nargs="*", default=[], metavar="NAME=FOLDER", help="where the data lies")
    parser.add_argument("--write", action="store_true", help="run none: write the page from what is there")
    args = parser.parse_args()
    benchmarks = specified()
    if unknown := sorted(set(args.only) - set(benchmarks)):
        parser.error(f"unknown benchmark {unknown[0]!r}; known: {', '.join(benchmarks)}")
    folders = dict(item.split("=", 1) for item in args.data if "=" in item)
    names = [] if args.write else args.only or list(benchmarks)
    reasons = {name: reason for name in names if (reason := run(benchmarks[name], folders))}
    PAGE.write_text(page(PAGE.read_text(), benchmarks))
    for name, reason in reasons.items():
        print(f"{name}: {reason}; its figures stay")
    return 1 if reasons else 0


def specified() -> dict[str, Benchmark]:
    """All benchmarks of figures.toml, by name."""
    return {name: Benchmark(name, **values) for name, values in tomllib.loads(SPECIFICATION.read_text()).items()}


def run(benchmark: Benchmark, folders: dict[str, str]) -> str:
    """Keep what a benchmark measures; the reason why it has not, else nothing."""
    if missing := sorted(set(DATA.findall(" ".join(benchmark.commands))) - set(folders)):
        return f'its data is not named (DATA="{missing[0]}=folder")'
    figures: dict[str, Any] = {}
    for command in benchmark.commands:
        if benchmark.timed and (flaw := _wait(benchmark.name)):
            return f"not quiet: {flaw}"
        print(f"{benchmark.name}: {command}", flush=True)
        program, *options = (DATA.sub(lambda match: folders[match[0]], word) for word in command.split())
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "figures.json")
            done = subprocess.run([sys.executable, str(HERE / program), *options, "--json", str(file)], check=False)
            if done.returncode:
                return f"{command} ended with status {done.returncode}"
            measured = json.loads(file.read_text())
        worst = {name: max(measured[name], figures.get(name, 0)) for name in ("machine/load", "machine/steal")}
        figures |= {**measured, **worst}
    described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=HERE, capture_output=True, text=True)
    head = {"commands": benchmark.commands, "commit": described.stdout.strip(), "date": f"{datetime.date.today()}"}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{benchmark.name}.json").write_text(json.dumps({**head, "figures": figures}, indent=1) + "\n")
    return ""


def page(text: str, benchmarks: dict[str, Benchmark]) -> str:
    """The page, with the tables of all results that there are."""

    def block(match: re.Match[str]) -> str:
        file = RESULTS / f"{match[2]}.json"
        if not file.exists():
            return match[0]
        return match[1] + written(benchmarks[match[2]], json.loads(file.read_text())) + match[3]

    return BLOCK.sub(block, text)


def written(benchmark: Benchmark, result: dict[str, Any]) -> str:
    """A table as Markdown, with its commands, and the machine and the commit that it is from."""
    facts = {field.name: result["figures"][f"machine/{field.name}"] for field in dataclasses.fields(quiet.Machine)}
    head, *rows = benchmark.table(result["figures"])
    commands = [" \\\n  ".join(textwrap.wrap(f"python benchmarks/{line}", WIDTH)) for line in result["commands"]]
    table = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    machine = f"{quiet.Machine(**facts).line()}; commit {result['commit']}, {result['date']}."
    return "\n".join(["```sh", *commands, "```", "", *table, "", *textwrap.wrap(machine, WIDTH), ""])


def _cell(form: str, values: dict[str, Any]) -> str:
    try:
        return form.format_map(values)
    except KeyError:
        return UNKNOWN


def _wait(name: str) -> str:
    """Wait until the machine is quiet; why it is not, where it does not become so."""
    until = time.monotonic() + WAIT_SECONDS
    if flaw := quiet.Watch().machine().flaw():
        print(f"{name}: waits at most {WAIT_SECONDS} s for a quiet machine: {flaw}", flush=True)
    while flaw and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)
        flaw = quiet.Watch().machine().flaw()
    return flaw


if __name__ == "__main__":
    os.chdir(bench.ROOT)
    sys.exit(main())
