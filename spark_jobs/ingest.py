"""source files -> images, truth, rejected: the same for every run on the same files"""

import hashlib
from importlib import metadata as packages
from types import ModuleType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.data import (
    decoding,
    file_kinds,
    folder_layout,
    image_files,
    image_limit,
    images,
    ingest,
    jpeg_2000_kinds,
    jpeg_kinds,
    junk_csv,
    known_labels,
    label_columns,
    label_spelling,
    labels_csv,
    metadata,
    multi_labels_csv,
    orientation,
    parquet_files,
    parquet_rows,
    pillow_pixels,
    raw_images,
    reused_images,
    tiff_kinds,
)
from kindred.data.junk_csv import Pair
from kindred.data.sources import JUNK, Source
from kindred.learning import memory_needs
from kindred.runtime import (
    arrow,
    committed_files,
    earlier_versions,
    job,
    label_sets,
    partitioning,
    runs,
    storage,
    tables,
    variants,
)
from kindred.runtime.earlier_versions import Earlier
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage

# Beside the dataset's own file, what the tables depend on; what lists files stands in the sources.
CODE = (
    *(raw_images, image_files, images, decoding, reused_images, ingest, label_spelling, image_limit),
    *(pillow_pixels, orientation, metadata, file_kinds, tiff_kinds, jpeg_kinds, jpeg_2000_kinds),
    *(labels_csv, folder_layout, known_labels, multi_labels_csv),
    *(parquet_files, parquet_rows, label_columns),
)

DECODERS = ("pillow", "pi-heif", "isal")  # packages on which pixels, or the bytes of their files, depend
REUSED_TABLES = ("sources", "images")  # tables of an earlier version


class Prepared(NamedTuple):
    sources: list[Source]
    labels_required: bool  # of this run, not of the dataset, which others share
    junk: list[Pair] | None  # None: without a table of them
    params: dict[str, Any]  # of the dataset, beside its path
    decoding: str  # the fingerprint of all code that reads and decodes images, and of its packages


def home(
    s: Stage,
    *,
    dataset: str,
    path: str | None,
    limit: int | None,
    leaks: str,
    labels_required: bool = True,
    to_match: bool = False,
    task: str = label_sets.SINGLE_LABEL,
    **of_dataset: Any,
) -> str:
    """The dataset's folder: its name changes with the arguments, the source files and the code that reads them."""
    module = variants.load("dataset", dataset)
    variants.check_task(task, dataset)
    several = task == label_sets.MULTI_LABEL
    if several and (to_match or not labels_required):
        raise InputError(f"task {task} is for classifiers that learn from labels, not for clusters or matches")
    params = variants.dataset_params(dataset, {**of_dataset, variants.TASK: task})
    sources = module.sources(path or "", s.say, **params)
    check = "check_matched" if to_match else "check_labels" if labels_required else ""
    if hasattr(module, check):
        getattr(module, check)(sources, **params)
    # as a dataset was recorded before there were these arguments, to be reused
    unset = ["labels_required", *([] if to_match else ["to_match"]), *([] if several else [variants.TASK])]
    s.arguments = {name: value for name, value in s.arguments.items() if name not in unset}
    table = junk_csv.content(sources[0].uri) if to_match and sources else None
    junk = None if table is None else junk_csv.pairs(table, sources)
    code = [storage.file_fingerprint(variants.source(part)) for part in (module, *CODE, *getattr(module, "CODE", ()))]
    decoding_code = storage.fingerprint(tables.VERSION, code, *map(packages.version, DECODERS))
    s.prepared = Prepared(sources, labels_required and not to_match, junk, params, decoding_code)
    made = tables.VERSION, path or "", limit, leaks, sources, code
    made_of = [] if table is None else [hashlib.sha256(table).hexdigest(), storage.file_fingerprint(junk_csv.__file__)]
    fingerprint = storage.fingerprint(*made, *([to_match] if to_match else []), *made_of, *([params] if params else []))
    return storage.join(runs.dataset_folder(dataset, fingerprint), "ingest")


def main(
    s: Stage,
    *,
    dataset: str,
    path: str | None,
    limit: int | None,
    leaks: str,
    labels_required: bool = True,
    to_match: bool = False,
    task: str = label_sets.SINGLE_LABEL,
    classes: list[str] | None = None,
    label_source: str | None = None,
    label_threshold: float | None = None,
    images: str | None = None,
    both: str | None = None,
) -> str:
    labels_required, several = s.prepared.labels_required, task == label_sets.MULTI_LABEL
    module = variants.load("dataset", dataset)
    raw = module.read(s.spark, s.prepared.sources, limit, **s.prepared.params)
    if s.prepared.junk:
        root = s.prepared.sources[0].uri
        junk_csv.check_splits(s.prepared.junk, _named(s, raw, "split"), storage.local(f"{root}/{JUNK}"))
    files = _files(s, module, limit)
    earlier = None if files is None else _earlier(s)
    then = earlier and reused_images.Earlier(*(s.frame(name, earlier.mark["tables"][name]) for name in REUSED_TABLES))
    decoded, reused = reused_images.decode(raw, files, then) if then else (decoding.decode(raw), 0)
    with s.progress():
        counts = ingest.count_decoded(decoded, labels_required)
    if not to_match and not counts["test"]:
        decoded = ingest.hold_out_test(decoded, several)
    left_out = ingest.duplicates(ingest.of_one_class(decoded) if several else decoded, leaks).persist()
    left_out.count()  # Spark then knows how few they are, and joins without moving the images between tasks
    kept = ingest.kept_images(decoded, left_out)
    whole, again = reused_images.completed(kept, then) if then else (kept, 0)
    size = counts["bytes"] + sum(committed_files.of_table(earlier.mark, "images").values() if earlier else [])
    s.write("images", whole.coalesce(partitioning.files(s.spark, size)))
    joined = _write_truth(s, decoded, kept, left_out, several)
    s.write("rejected", ingest.rejected_rows(decoded, left_out))
    if files is not None:
        s.write("sources", reused_images.source_rows(files, decoded))
    name = s.home.rsplit("/", 2)[1]
    written = s.written("images", ["image_id", "split", "height", "width", "channels"])
    truth = s.written("truth", ["image_id", "label", "present"])
    s.figures = ingest.figures(written, s.written("rejected", ["reason"]), counts["undecoded"], leaks)
    s.figures |= {"ingest/decoded": counts["decoded"] - reused + again, "ingest/reused_images": reused - again}
    s.figures |= joined
    if labels_required:
        (ingest.check_any_present if several else ingest.check_left)(written, truth, s.figures)
    if to_match:
        ingest.check_matched(s.figures)
    if s.prepared.junk is not None:
        _write_junk(s, decoded, written)
    test_labels = ingest.labelled_test_images(written, truth)
    if labels_required and not test_labels:
        s.say(ingest.NOTHING_TO_TEST_ON)
    facts = ingest.facts(written, truth)
    if lacking := _lacking_memory(s, to_match, len(facts["classes"])):
        s.say(lacking)
    s.facts = {
        **({variants.TASK: task} if several else {}),
        **facts,
        "test_labels": test_labels,
        "decoding": s.prepared.decoding,
        "dataset": {"name": dataset, "digest": name[-12:], "source": path or dataset},
    }
    if earlier:
        _say_reused(s, earlier, counts["decoded"])
    earlier_versions.release(s.run, s.name)
    return ingest.summary(s.figures)


def _lacking_memory(s: Stage, to_match: bool, classes: int) -> str | None:
    """What the later stages may lack of memory; None where it is enough."""
    if to_match:
        return memory_needs.matching_shortage(s.figures[f"ingest/{tables.GALLERY}"], memory_needs.USUAL_DIMENSIONS)
    learned_from = sum(s.figures[f"ingest/{split}"] for split in tables.LEARNED_FROM)
    return memory_needs.shortage(learned_from, memory_needs.USUAL_DIMENSIONS, classes)


def _say_reused(s: Stage, earlier: Earlier, images: int) -> None:
    """Say, and keep, how many of so many images are those of an earlier version."""
    if count := int(s.figures["ingest/reused_images"]):
        s.facts["reused_images"] = {"version": earlier.version, "images": count}
        s.say(f"{count:,} of {images:,} images are reused from the version of {earlier.made}")


def _files(s: Stage, module: ModuleType, limit: int | None) -> reused_images.Files | None:
    """The image files of a dataset, as they are now; None where images have no files of their own."""
    files = module.files(s.prepared.sources, limit, **s.prepared.params) if hasattr(module, "files") else []
    return reused_images.listed(s.spark, files) if files else None


def _earlier(s: Stage) -> Earlier | None:
    """An earlier version of the dataset, which the same code has decoded."""

    def fits(mark: dict[str, Any]) -> bool:
        return mark["facts"].get("decoding") == s.prepared.decoding and "sources" in mark["tables"]

    return earlier_versions.hold(s.run, s.name, s.home, s.arguments, fits, s.say)


def _write_truth(s: Stage, decoded: DataFrame, kept: DataFrame, left_out: DataFrame, several: bool) -> dict[str, float]:
    """Write the table `truth`. With several labels an image the figure of how many have those of different copies."""
    if not several:
        s.write("truth", kept.where("label is not null").select("image_id", "label").distinct())
        return {}
    labelled = ingest.labelled_rows(decoded, left_out)
    s.write("truth", ingest.known_labels(labelled))
    if joined := ingest.joined_images(labelled):
        s.say(f"images whose copies have different labels, all of which count: {joined:,}")
    return {"ingest/joined": joined}


def _write_junk(s: Stage, decoded: DataFrame, images: pa.Table) -> None:
    """The table `junk` and its figures; `images` are those that were kept."""
    id_of = _named(s, decoded.where("reason is null"), "image_id")
    of_split = (images.filter(pc.field("split") == split)["image_id"].to_pylist() for split in tables.MATCHED)
    queries, gallery = map(set, of_split)
    pairs, rejected = junk_csv.ids(s.prepared.junk, id_of, queries, gallery)
    rows = [dict(zip(("query_id", "image_id"), pair, strict=True)) for pair in pairs]
    s.write_rows("junk", pa.Table.from_pylist(rows, arrow.schema("junk")))
    s.figures |= {"ingest/junk": len(pairs), "ingest/junk_rejected": rejected}
    left = f"; {rejected:,} pairs name an image that was left out" if rejected else ""
    s.say(f"{JUNK} names {len(pairs):,} pairs of a query and an image that is neither right nor wrong for it{left}")


def _named(s: Stage, frame: DataFrame, column: str) -> dict[str, str]:
    """A column of the rows of the files that the junk names, by their names in the folder."""
    root = s.prepared.sources[0].uri
    files = {name for pair in s.prepared.junk for name in (pair.query, pair.image)}
    origins = s.spark.createDataFrame([(f"{root}/{name}",) for name in sorted(files)], "origin string")
    rows = frame.join(F.broadcast(origins), "origin", how="inner").select("origin", column).collect()
    return {row["origin"][len(root) + 1 :]: row[column] for row in rows}


if __name__ == "__main__":
    job.run(main, home)
