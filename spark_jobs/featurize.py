"""images -> features: the same for every run on the same images with the same extractor and weights

Where a run asks for mirror images of the training images, also -> mirrored.
"""

import contextlib
from dataclasses import asdict
from typing import Any, NamedTuple

from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F

from kindred.data import ingest
from kindred.features import extractor_choice, extractor_setup, featurize, graph_cache, known_features, training_curves
from kindred.learning import embeddings
from kindred.runtime import (
    earlier_versions,
    file_names,
    job,
    marks,
    partitioning,
    runs,
    stages,
    storage,
    tables,
    variants,
)
from kindred.runtime.earlier_versions import Earlier
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage


def home(
    s: Stage,
    *,
    extractor: str,
    image_size: int | None,
    weights: str,
    preprocessing: str,
    output: str,
    precision: str = variants.FLOAT32,
    embedder: str = "",
    augment: str = variants.NONE,
    maps: int = 1,
) -> str:
    """A folder beside the images, named by the extractor and everything that its output depends on. What is done, and
    recorded, is done by the extractor that `auto` takes: it is shared with runs that name this one.
    """
    if extractor == variants.AUTO:
        extractor = taken_before(s) or choose(s)
        s.arguments = {**s.arguments, "extractor": extractor}
    if embedder:
        # By a reader of its own: features are shared with runs of other labels, and the folder's name says the maps.
        labels = RunReader(s.run, s.name).facts_of(stages.CHOOSE_LABELS)["images_per_class"]
        embedder = embeddings.choose(embedder, labels)
        variants.check_augment(augment, embedder)
        maps = _maps(s, extractor, embedder)
    s.arguments = {**s.arguments, "maps": maps}
    unset = ["embedder", *(["maps"] if maps == 1 else [])]
    unset += [name for name in ("preprocessing", "output") if not preprocessing and not output]
    unset += ["augment"] if augment == variants.NONE else []
    unset += ["precision"] if precision == variants.FLOAT32 else []
    # as features were recorded before these arguments, to be reused
    s.arguments = {name: value for name, value in s.arguments.items() if name not in unset}
    dataset = s.folder_of("ingest").rsplit("/", 1)[0]  # the folder above the stage's own
    facts = s.facts_of("ingest")
    chosen = preprocessing, output, precision
    s.prepared = extractor_setup.for_dataset(extractor, image_size, weights, facts, s.say, *chosen, maps=maps)
    if embedder:
        embeddings.pixels_shape(embedder, s.prepared)  # which refuses what the embedder cannot take
    fingerprint = s.prepared.fingerprint
    if augment != variants.NONE:
        fingerprint = storage.fingerprint(fingerprint, augment)
    return storage.join(dataset, "featurize", f"{extractor}-{fingerprint}")


def _maps(s: Stage, extractor: str, embedder: str) -> int:
    """How many of the extractor's convolutional maps an embedder wants, of those that there are."""
    wanted: int = getattr(variants.load("embedder", embedder), "MAPS", 1)
    if wanted > 1 and not hasattr(variants.load("extractor", extractor), "EARLIER_MAP"):
        s.say(f"{embedder} would take an earlier map too, which {extractor} does not give")
        return 1
    return wanted


def choose(s: Stage) -> str:
    """The extractor that `auto` takes, with a line for the console."""
    counts = s.figures_of("ingest")
    images = int(sum(counts[f"ingest/{split}"] for split in ("train", "unlabeled", "test")))
    facts = s.facts_of("ingest")
    if "median_longer_side" not in facts:  # of images that an earlier version has read
        side = ingest.median_longer_side(s.rows("images", ["height", "width"]))
        facts = {**facts, "median_longer_side": side}
    choice = extractor_choice.choose(facts, images, lambda: s.spark.sparkContext.defaultParallelism)
    s.say(f"auto takes {choice.name}, {choice.reason}")
    return choice.name


def taken_before(s: Stage) -> str | None:
    """What `auto` took for the same images when this run made its features: a run may resume on fewer cores."""
    taken = (runs.record_of(s.run) or {}).get("resolved", {}).get("extractor")
    with contextlib.suppress(storage.UnreadableError):  # which is said where the work is looked for
        s.facts_of("ingest")
        if taken and (marks.mark_of(storage.join(s.run, s.name)) or {}).get("inputs") == s.inputs:
            s.say(f"auto takes {taken}, as before")
            return str(taken)
    return None


def main(
    s: Stage,
    *,
    extractor: str,
    image_size: int | None,
    weights: str,
    preprocessing: str = "",
    output: str = "",
    precision: str = variants.FLOAT32,
    embedder: str = "",
    augment: str = variants.NONE,
    maps: int = 1,
) -> str:
    images = s.read("images").select("image_id", "split", "content")
    count = images.count()
    extractor_setup.fit_to_images(s.prepared, images, s.say)
    graph_cache.send_to_workers(s.spark, s.prepared.graph)
    if s.prepared.graph:
        graph = graph_cache.path(s.prepared.graph).read_bytes()
        s.put_file(file_names.EXTRACTOR, graph)
        curves = training_curves.curves_of(graph)
        s.steps |= {f"{s.prepared.name}/{name}": list(enumerate(values, 1)) for name, values in curves.items()}
    earlier = _earlier(s)
    made = _write(s, "features", images, count, earlier)
    s.facts = asdict(s.prepared)
    s.figures = {
        "featurize/images": count,
        "featurize/dimensions": made.dimensions,
        "featurize/computed": made.computed,
        "featurize/reused_images": count - made.computed,
    }
    summary = f"{count:,} images, {made.dimensions:,} features each"
    if made.computed:
        s.figures["featurize/images_per_second"] = rate = round(made.computed / made.seconds, 2)
        summary += f", {rate:,.0f} images/s"
    if earlier and made.computed < count:
        over = f"the features of {count - made.computed:,} of {count:,} images are reused"
        s.say(f"{over} from the version of {earlier.made}")
    if augment == variants.NONE:
        earlier_versions.release(s.run, s.name)
        return summary
    learned_from = images.where(F.col("split") == tables.TRAIN)
    views = int(s.figures_of("ingest")[f"ingest/{tables.TRAIN}"])
    _write(s, "mirrored", learned_from, views, earlier)
    earlier_versions.release(s.run, s.name)
    s.figures["featurize/mirrored"] = views
    return f"{summary}; {views:,} mirrored"


class Made(NamedTuple):
    """How many images a table's features were computed of, in how many seconds, and how many features each has."""

    computed: int
    seconds: float
    dimensions: int


def _write(s: Stage, table: str, images: DataFrame, count: int, earlier: Earlier | None) -> Made:
    """Write the features of so many images, or of their mirror images: those that an earlier version of the dataset has
    are copied, the others computed.
    """
    times, taken = Observation(), None
    if earlier:
        features = s.frame(table, earlier.mark["tables"][table])
        taken, images, count = known_features.divided(images, features)
    started, ended = F.min("started").alias("start"), F.max("ended").alias("end")
    rows = _features(s, images, max(count, 1), mirrored=table == "mirrored").observe(times, started, ended)
    rows = rows.select("image_id", "split", "features")
    written = s.write(table, rows if taken is None else rows.unionByName(taken), of=count)
    seconds = max(times.get["end"] - times.get["start"], 1e-3) if count else 0.0
    return Made(count, seconds, len(written.select("features").first()[0]))


def _earlier(s: Stage) -> Earlier | None:
    """The features of an earlier version of the dataset, of the same extractor with the same graph. One that is fitted
    to the images of a dataset has another name in each version.
    """
    facts, graph = asdict(s.prepared), s.checksums.get(file_names.EXTRACTOR)

    def fits(mark: dict[str, Any]) -> bool:
        graph_then = mark.get("checksums", {}).get(file_names.EXTRACTOR)
        return mark["facts"] == facts and graph_then == (graph and [*graph])

    return earlier_versions.hold(s.run, s.name, s.home, s.arguments_of("ingest"), fits, s.say)


def _features(s: Stage, images: DataFrame, count: int, mirrored: bool) -> DataFrame:
    """Rows of featurize.TIMED_FEATURES of so many images, or of their mirror images."""
    worker = featurize.worker(s.prepared, s.threads(), mirrored)
    spread = images.repartition(partitioning.tasks(s.spark, count), "image_id")
    return spread.mapInArrow(worker, featurize.TIMED_FEATURES)


if __name__ == "__main__":
    job.run(main, home)
