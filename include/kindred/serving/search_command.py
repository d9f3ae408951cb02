"""`python -m kindred.search`: what is like a picture, as a table on the console."""

import argparse
import json
import logging
import sys
from pathlib import Path

from kindred.data import images
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
    options = _parser().parse_args()
    logging.basicConfig(level=logging.ERROR)
    try:
        bundle = (
            champion.bundle_of_run(runs.find_run(options.run)) if options.run else champion.ChampionFollower().current()
        )
        query = _query(bundle, options)
        where = Filter(options.classes, confidence=(options.min_confidence, 1) if options.min_confidence else None)
        (answer,) = bundle.gallery.search(
            query, options.k, options.distance, options.farthest, where, itself=options.itself
        )
    except InputError as error:
        sys.exit(f"kindred: {error}")
    sys.stdout.write(_json(answer) if options.json else table(answer, bundle.name))


def table(answer: Answer, name: str) -> str:
    """What was found, as lines for a console."""
    side = "least" if answer.farthest else "most"
    exact = "exact" if answer.exact else "approximate"
    lines = [
        f"{answer.prediction} ({answer.confidence:.1%}), {answer.image_id}",
        f"the {side} similar of {name}, by {answer.distance} ({exact})",
        "",
        f"{'':>4}  {'distance':>10}  {'class':16} {'confidence':>10}  {'split':10} image",
    ]
    for rank, found in enumerate(answer.neighbours, 1):
        note = "  duplicate" if found.duplicate else ""
        lines.append(
            f"{rank:>4}  {found.distance:>10.4g}  {found.prediction:16} {found.confidence:>10.1%}  {found.split:10} "
            f"{found.image_id}{note}"
        )
    return "\n".join(lines) + "\n"


def _json(answer: Answer) -> str:
    found = [neighbour._asdict() for neighbour in answer.neighbours]
    return json.dumps({**vars(answer), "neighbours": found}, indent=1) + "\n"


def _query(bundle: Bundle, options: argparse.Namespace) -> Images:
    if options.image_id:
        return bundle.image(options.image_id)
    if not options.image.is_file():
        raise InputError(f"no such file: {options.image}")
    try:
        return bundle.model.as_query(images.decode(options.image.read_bytes()))
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
    parser.add_argument("--run", help="a finished run: its name, DAG/name or URI (default: what was promoted)")
    parser.add_argument("--k", type=int, default=8, help="how many images to find")
    parser.add_argument("--distance", choices=list(DISTANCES), default="cosine", help="smaller is nearer")
    parser.add_argument("--farthest", action="store_true", help="the least similar ones")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="only images that the model gives one of these")
    parser.add_argument("--min-confidence", type=float, default=0.0, help="of the model, in its class")
    parser.add_argument("--itself", action="store_true", help="an image of the gallery may find itself")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser
