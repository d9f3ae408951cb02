"""`make match`: a folder of new queries, matched with the gallery of a finished run: matches.json and a page."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kindred.data import image_files, images, origins, sources, thumbnails
from kindred.features.keypoints import Keypoints
from kindred.runtime import cpu, file_names, runs, stages
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.search import matching
from kindred.search.shards import Images
from kindred.serving import champion
from kindred.serving.bundle import Bundle
from kindred_airflow import command, machine

MATCHES, SHOWN, SIDE_PX = 10, 6, 128  # of each query; of these on the page, whose pictures are so big
MAX_SHOWN = 200  # queries on the page; matches.json has all
EVERY = 100  # queries, after which the console says how far it is


class Query(NamedTuple):
    """A picture that is looked for: its vector, and its keypoints where the gallery has some."""

    image: Images
    keypoints: Keypoints | None


def main() -> int:
    """The command line of `make match`."""
    name, folder = command.required("RUN", "IMAGES", usage="make match RUN=name IMAGES=folder")
    run = runs.find_run(name, stages.MATCHING)
    reader = RunReader(run, stages.MATCH)
    if not reader.finished(stages.MATCH):
        raise InputError(f"{run.rsplit('/', 1)[1]} has matched nothing; a run of DAG={stages.MATCHING} has")
    files = sources.images_to_label(folder, print)
    out = Path(os.environ.get("OUT") or machine.data_folder() / "matches" / Path(folder).name).expanduser().absolute()
    searched = champion.bundle_of_run(run)
    queries, pictures, rejected = _read(searched, files)
    if not queries:
        raise InputError(f"none of the {len(files):,} files in {folder} is an image; the first: {rejected[0]}")
    print(f"  matches {len(queries):,} queries with {len(searched.gallery):,} images of {name}", flush=True)
    found = _matches(searched, queries, reader.arguments_of(stages.MATCH)["reranker"])
    out.mkdir(parents=True, exist_ok=True)
    _write(searched, found, pictures, out)
    for line in rejected:
        print(f"  rejected: {line}")
    same = matching.with_the_same(found.values())
    of_the_same = f"{same:,} find the same thing, " if same is not None else ""
    print(f"{len(queries):,} queries matched, {of_the_same}{len(rejected):,} rejected\n\n  {out / 'matches.html'}")
    print(f"  {out / file_names.MATCHES}")
    return 0


def _matches(searched: Bundle, queries: dict[str, Query], reranker: str) -> dict[str, list[dict[str, Any]]]:
    """The first matches of each query, in the order that the run's own queries got."""
    search, count = searched.reranked(), min(MATCHES, len(searched.gallery))

    def matches(query: Query) -> list[dict[str, Any]]:
        answer = search.search(query.image, count, reranker, query.keypoints, itself=True)
        return [neighbour._asdict() for neighbour in answer.neighbours]

    with ThreadPoolExecutor(cpu.cores()) as pool:
        return dict(zip(queries, pool.map(matches, queries.values()), strict=True))


def _read(searched: Bundle, files: list[sources.Source]) -> tuple[dict[str, Query], dict[str, np.ndarray], list[str]]:
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
        queries[file.uri] = Query(searched.model.as_query(pixels), searched.keypoints(pixels))
        if len(pictures) < MAX_SHOWN:
            pictures[file.uri] = thumbnails.middle_square(pixels, SIDE_PX)
        if not number % EVERY:
            print(f"  {number:,} of {len(files):,} files", flush=True)
    return queries, pictures, rejected


def _write(
    searched: Bundle, found: dict[str, list[dict[str, Any]]], pictures: dict[str, np.ndarray], folder: Path
) -> None:
    """matches.json and matches.html."""
    from kindred.report import html_page, matches_section
    from kindred.report.pictures import Pictures

    origin_of = {match["image_id"]: match["origin"] for matches in found.values() for match in matches}
    (folder / file_names.MATCHES).write_bytes(matching.as_json(found, origin_of))
    shown = {query: found[query][:SHOWN] for query in pictures}
    wanted = {match["image_id"] for matches in shown.values() for match in matches}
    decoded = {image_id: images.decode(searched.pictures.file(image_id) or b"") for image_id in wanted}
    small = {image_id: thumbnails.middle_square(pixels, SIDE_PX) for image_id, pixels in decoded.items()}
    every = Pictures({**small, **pictures}, {**origin_of, **{query: query for query in pictures}})
    page = html_page.render(
        "Kindred: matches",
        {"run": searched.name.rpartition("/")[2]},
        [matches_section.of_new_queries(shown, len(found), every)],
    )
    (folder / "matches.html").write_bytes(page)


if __name__ == "__main__":
    command.exit_with(main)
