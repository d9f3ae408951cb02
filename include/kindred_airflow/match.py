"""`make match`: a folder of new queries, matched with the gallery of a finished run: matches.json and a page."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from kindred.data import image_files, images, origins, sources, thumbnails
from kindred.runtime import arrow, file_names, runs, stages, tables
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.search import matching
from kindred.search.reranking import Query
from kindred.serving import matcher
from kindred_airflow import command, machine

MATCHES, SHOWN, SIDE_PX = 10, 6, 128  # of each query; of these on the page, whose pictures are so big
MAX_SHOWN = 200  # queries on the page; matches.json has all
IN_GALLERY = ds.field("split") == tables.GALLERY
EVERY = 100  # queries, after which the console says how far it is


def main() -> int:
    """The command line of `make match`."""
    name, folder = command.required("RUN", "IMAGES", usage="make match RUN=name IMAGES=folder")
    reader = RunReader(runs.find_run(name, stages.MATCHING), stages.MATCH)
    files = sources.images_to_label(folder, print)
    out = Path(os.environ.get("OUT") or machine.data_folder() / "matches" / Path(folder).name).expanduser().absolute()
    with matcher.matcher(reader) as opened:
        queries, pictures, rejected = _read(opened, files)
        if not queries:
            raise InputError(f"none of the {len(files):,} files in {folder} is an image; the first: {rejected[0]}")
        print(f"  matches {len(queries):,} queries with {len(opened.ids):,} images of {name}", flush=True)
        found = dict(zip(queries, opened.matches(list(queries.values()), MATCHES), strict=True))
    out.mkdir(parents=True, exist_ok=True)
    _write(reader, found, pictures, out)
    for line in rejected:
        print(f"  rejected: {line}")
    same = matching.with_the_same(found.values())
    of_the_same = f"{same:,} find the same thing, " if same is not None else ""
    print(f"{len(queries):,} queries matched, {of_the_same}{len(rejected):,} rejected\n\n  {out / 'matches.html'}")
    print(f"  {out / file_names.MATCHES}")
    return 0


def _read(
    opened: matcher.Matcher, files: list[sources.Source]
) -> tuple[dict[str, Query], dict[str, np.ndarray], list[str]]:
    """The queries and a small picture of the first ones, by the address of the file; and what is no image, and why."""
    queries: dict[str, Query] = {}
    pictures: dict[str, np.ndarray] = {}
    rejected = []
    for number, file in enumerate(files, 1):
        try:
            if isinstance(file, sources.Refused):
                raise images.ImageError(file.version)
            pixels = images.decode(image_files.read_file(file.uri))
        except images.ImageError as error:
            rejected.append(f"{origins.path(file.uri)}: {error}")
            continue
        queries[file.uri] = opened.query(pixels)
        if len(pictures) < MAX_SHOWN:
            pictures[file.uri] = thumbnails.middle_square(pixels, SIDE_PX)
        if not number % EVERY:
            print(f"  {number:,} of {len(files):,} files", flush=True)
    return queries, pictures, rejected


def _write(
    reader: RunReader, found: dict[str, list[dict[str, Any]]], pictures: dict[str, np.ndarray], folder: Path
) -> None:
    """matches.json and matches.html."""
    from kindred.report import html_page, matches_section
    from kindred.report.pictures import Pictures

    ids = {match["image_id"] for matches in found.values() for match in matches}
    rows = reader.rows("images", ["image_id", "origin"], IN_GALLERY & ds.field("image_id").isin(list(ids)))
    origin_of = arrow.by_id(rows, "origin")
    (folder / file_names.MATCHES).write_bytes(matching.as_json(found, origin_of))
    shown = {query: found[query][:SHOWN] for query in pictures}
    wanted = list({match["image_id"] for matches in shown.values() for match in matches})
    contents = reader.rows("images", ["image_id", "content"], IN_GALLERY & ds.field("image_id").isin(wanted))
    small = thumbnails.thumbnails(contents, wanted, SIDE_PX)
    every = Pictures({**small, **pictures}, {**origin_of, **{query: query for query in pictures}})
    page = html_page.render(
        "Kindred: matches",
        {"run": reader.run.rsplit("/", 1)[1]},
        [matches_section.of_new_queries(shown, len(found), every)],
    )
    (folder / "matches.html").write_bytes(page)


if __name__ == "__main__":
    command.exit_with(main)
