"""`python -m kindred.search`: the images that are similar to a picture, or to words, as a table on the console."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

import numpy as np

from kindred.data import image_files, images, origins
from kindred.data.sources import existing_uri
from kindred.runtime import runs, storage, variants
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.variants import AUTO, EXACT, SEARCH_MODES
from kindred.search.answers import Answer, Neighbour
from kindred.search.distances import DISTANCES
from kindred.search.gallery import Filter
from kindred.search.shards import Images
from kindred.serving import champion
from kindred.serving.bundle import Asked, Bundle

CLASS_WIDTH = 16  # characters of the columns of classes, at least
SAME = {None: "", True: "same", False: "no"}


def main(arguments: list[str] | None = None) -> None:
    """The command line, or these `arguments`; bad input ends in one line and status 1."""
    os.umask(0o077)  # other accounts cannot read what it copies into the cache
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    try:
        bundle = _bundle(options.run)
        pixels = _pixels(options.image) if options.image else None
        query = _query(bundle, options, pixels)
        confidence = (options.min_confidence, 1) if options.min_confidence else None
        where = Filter(
            options.classes,
            options.splits,
            confidence=confidence,
            labelled=options.labelled,
            all_classes=options.all_classes and options.classes is not None,
            labels=options.labels,
        )
        asked = Asked(options.k, options.distance, options.itself, options.mode, options.rerank)
        answer = bundle.search(query, asked, options.farthest, where, pixels)
    except InputError as error:
        sys.exit(f"kindred: {error}")
    sys.stdout.write(
        _json(answer, options.text) if options.json else table(answer, bundle.name, options.image, options.text)
    )


def _bundle(run: str | None) -> Bundle:
    """The bundle of the run that a person named, or of the promoted one."""
    return champion.bundle_of_run(runs.find_run(run)) if run else champion.ChampionFollower().current()


def table(answer: Answer, name: str, picture: Path | None = None, text: str | None = None) -> str:
    """An answer as lines for a console; `name` is the run's, `picture` the file or `text` the words asked for."""
    side = "least" if answer.farthest else "most"
    exact = "exact" if answer.recall is None else f"approximate, recall {answer.recall:.1%}"
    exact += f": {answer.reason}" if answer.reason else ""
    order = f", re-ranked by {answer.reranker}" if answer.reranker else ""
    lines = [
        f"“{one_line(text)}”" if text else f"{_asked(answer, picture)}{_predicted(answer)}",
        f"the {side} similar images of {name} by {answer.distance} ({exact}){order}",
        *(["no match: none of these shows the same thing"] if answer.has_match is False else []),
        "",
    ]
    classes = any(image.prediction is not None for image in answer.neighbours)
    width = _class_width(answer.neighbours)
    described = (
        _class_row("class", "confidence", "given label", width) if classes else _match_row("inliers", "same thing")
    )
    lines.append(f"{'':>4}  {'distance':>10}  {described} {'split':10} image")
    for rank, image in enumerate(answer.neighbours, 1):
        note = "  duplicate" if image.duplicate else ""
        lines.append(
            f"{rank:>4}  {image.distance:>10.4g}  {_described(image, width)} {image.split:10} {_file(image)}{note}"
        )
    return "\n".join(lines) + "\n"


def _predicted(answer: Answer) -> str:
    return "" if answer.prediction is None else f": {answer.prediction} ({answer.confidence:.1%})"


def _class_width(neighbours: list[Neighbour]) -> int:
    """How many characters the columns of classes have: sets of them are longer."""
    several = (image for image in neighbours if image.predicted is not None)
    sets = (str(text) for image in several for text in (image.prediction, image.label))
    return max([CLASS_WIDTH, *map(len, sets)])


def _class_row(name: str, confidence: str, label: str, width: int) -> str:
    return f"{name:{width}} {confidence:>10}  {label:{width}}"


def _match_row(inliers: str, same: str) -> str:
    return f"{inliers:>8}  {same:10}"


def _described(image: Neighbour, width: int) -> str:
    """What is known of an image: its class or classes, or whether its keypoints fit the query's."""
    if image.prediction is not None:
        return _class_row(image.prediction, f"{image.confidence:.1%}", image.label or "", width)
    return _match_row("" if image.inliers is None else str(image.inliers), SAME[image.same])


def _asked(answer: Answer, picture: Path | None) -> str:
    """What was asked for."""
    if picture is None:
        return _file(answer)
    other = answer.origin and answer.origin != storage.uri(str(picture))
    return one_line(str(picture)) + (f", the same picture as {_file(answer)}" if other else "")


def _file(image: Answer | Neighbour) -> str:
    """Which file an image is, in one line; its id where the index does not know it."""
    return one_line(origins.path(image.origin)) if image.origin else str(image.image_id)


def _json(answer: Answer, text: str | None = None) -> str:
    """An answer with the files of its images as a person would write them, for programs."""
    neighbours = [image._asdict() | {"origin": _path(image)} for image in answer.neighbours]
    asked = {} if text is None else {"text": text}
    said = {**vars(answer), "exact": answer.exact, "origin": _path(answer), "neighbours": neighbours}
    return json.dumps({**asked, **said}, indent=1) + "\n"


def _path(image: Answer | Neighbour) -> str | None:
    return None if image.origin is None else origins.path(image.origin)


def _of_words(bundle: Bundle, options: argparse.Namespace) -> Images:
    """Words as a query; what is not read of them is said."""
    words = bundle.words(options.text, options.distance)
    if len(words.read) < len(options.text):
        sys.stderr.write(f"kindred: only the first {words.tokens} tokens are read, up to {words.read[-40:]!r}\n")
    return Images(words.features)


def _query(bundle: Bundle, options: argparse.Namespace, pixels: np.ndarray | None) -> Images:
    if pixels is not None:
        return bundle.query(pixels)
    return bundle.image(options.image_id) if options.image_id else _of_words(bundle, options)


def _pixels(image: Path) -> np.ndarray:
    uri = existing_uri(str(image))
    if not image.is_file():  # a pipe would be waited for
        raise InputError(f"not a file: {image}")
    try:
        return images.decode(image_files.read_file(uri))
    except images.ImageError as error:
        raise InputError(f"{image} is not a picture that can be read: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kindred.search",
        description="The images of a run that are most similar to a picture, or to words, or least.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("--image", type=Path, metavar="FILE", help="a picture")
    query.add_argument("--image-id", metavar="ID", help="an image of the run: of the gallery, or a test image")
    query.add_argument("--text", metavar="WORDS", help="words, where the extractor has a text encoder; by cosine")
    parser.add_argument("--run", help="a finished run: its name, DAG/name or URI (default: the promoted one)")
    parser.add_argument("--k", type=int, default=8, help="number of images")
    parser.add_argument("--distance", choices=list(DISTANCES), default="cosine", help="smaller is nearer")
    parser.add_argument(
        "--mode", choices=SEARCH_MODES, default=EXACT, help="approximate: quicker, may miss some; says how many"
    )
    parser.add_argument(
        "--rerank",
        choices=[AUTO, *variants.names("reranker")],
        default=AUTO,
        help="puts the nearest by cosine into a better order; auto: as the index advises",
    )
    parser.add_argument("--farthest", action="store_true", help="the least similar ones")
    parser.add_argument("--classes", nargs="+", metavar="CLASS", help="only images of these predicted classes")
    parser.add_argument("--all-classes", action="store_true", help="with several labels an image: all of --classes")
    parser.add_argument("--labels", nargs="+", metavar="CLASS", help="only images with one of these given labels")
    parser.add_argument("--splits", nargs="+", metavar="SPLIT", help="only images of these splits")
    parser.add_argument(
        "--labelled", action=argparse.BooleanOptionalAction, help="only images with a given label, or without one"
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        help="least confidence of the model in its class; with several labels an image its probability of --classes",
    )
    parser.add_argument("--itself", action="store_true", help="an image of the gallery may be among its own results")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser
