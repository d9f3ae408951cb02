"""`python -m kindred.search`: the images that are similar to a picture, as a table on the console."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from kindred.data import image_files, images
from kindred.data.sources import existing_uri
from kindred.runtime import runs
from kindred.runtime.errors import InputError
from kindred.search.answers import Answer
from kindred.search.distances import DISTANCES
from kindred.search.gallery import Filter
from kindred.search.shards import Images
from kindred.serving import champion
from kindred.serving.bundle import Bundle


def main() -> None:
    """The command line; bad input ends in one line and status 1."""
    os.umask(0o077)  # other accounts cannot read what it copies into the cache
    options = _parser().parse_args()
    logging.basicConfig(level=logging.ERROR)
    try:
        bundle = _bundle(options.run)
        query = _query(bundle, options)
        where = Filter(options.classes, confidence=(options.min_confidence, 1) if options.min_confidence else None)
        (answer,) = bundle.gallery.search(
            query, options.k, options.distance, options.farthest, where, itself=options.itself
        )
    except InputError as error:
        sys.exit(f"kindred: {error}")
    sys.stdout.write(_json(answer) if options.json else table(answer, bundle.name))


def _bundle(run: str | None) -> Bundle:
    """The bundle of the run that a person named, or of the promoted one."""
    return champion.bundle_of_run(runs.find_run(run)) if run else champion.ChampionFollower().current()


def table(answer: Answer, name: str) -> str:
    """An answer as lines for a console; `name` is the run's."""
    side = "least" if answer.farthest else "most"
    exact = "exact" if answer.exact else "approximate"
    lines = [
        f"{answer.prediction} ({answer.confidence:.1%}), {answer.image_id}",
        f"the {side} similar images of {name} by {answer.distance} ({exact})",
        "",
        f"{'':>4}  {'distance':>10}  {'class':16} {'confidence':>10}  {'split':10} image",
    ]
    for rank, image in enumerate(answer.neighbours, 1):
        note = "  duplicate" if image.duplicate else ""
        lines.append(
            f"{rank:>4}  {image.distance:>10.4g}  {image.prediction:16} {image.confidence:>10.1%}  {image.split:10} "
            f"{image.image_id}{note}"
        )
    return "\n".join(lines) + "\n"


def _json(answer: Answer) -> str:
    neighbours = [neighbour._asdict() for neighbour in answer.neighbours]
    return json.dumps({**vars(answer), "neighbours": neighbours}, indent=1) + "\n"


def _query(bundle: Bundle, options: argparse.Namespace) -> Images:
    if options.image_id:
        return bundle.image(options.image_id)
    uri = existing_uri(str(options.image))
    if not options.image.is_file():  # a pipe would be waited for
        raise InputError(f"not a file: {options.image}")
    try:
        return bundle.model.as_query(images.decode(image_files.read_file(uri)))
    except images.ImageError as error:
        raise InputError(f"{options.image} is not a picture that can be read: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kindred.search",
        description="The images of a run that are most similar to a picture, or least.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--image", type=Path, metavar="FILE", help="a picture")
    query.add_argument("--image-id", metavar="ID", help="an image of the run: of the gallery, or a test image")
    parser.add_argument("--run", help="a finished run: its name, DAG/name or URI (default: the promoted one)")
    parser.add_argument("--k", type=int, default=8, help="number of images")
    parser.add_argument("--distance", choices=list(DISTANCES), default="cosine", help="smaller is nearer")
    parser.add_argument("--farthest", action="store_true", help="the least similar ones")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="only images of these predicted classes")
    parser.add_argument("--min-confidence", type=float, default=0.0, help="least confidence of the model in its class")
    parser.add_argument("--itself", action="store_true", help="an image of the gallery may be among its own results")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser
