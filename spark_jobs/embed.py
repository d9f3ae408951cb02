"""features, labels of training images -> embedded: queries and gallery as vectors in which alike images are near"""

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from kindred.features.featurize import Extractor
from kindred.learning import embeddings, memory_needs, pixel_training
from kindred.learning.class_numbers import class_numbers
from kindred.learning.networks import Network
from kindred.learning.pixel_encoder import PixelEncoder
from kindred.runtime import arrow, file_names, job, stages, storage, tables, variants
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage

SIZES = (
    (stages.INGEST, f"ingest/{tables.GALLERY}"),
    (stages.FEATURIZE, "featurize/dimensions"),
)


def home(s: Stage, *, embedder: str, seed: int) -> str:
    """The run's own folder; what is recorded is the embedder that `auto` takes."""
    taken = embeddings.choose(embedder, s.facts_of(stages.CHOOSE_LABELS)["images_per_class"])
    if taken != embedder:
        s.say(f"auto takes {taken}")
    s.arguments = {**s.arguments, "embedder": taken}
    return storage.join(s.run, s.name)


def main(s: Stage, *, embedder: str, seed: int) -> str:
    gallery, dimensions = (int(s.figures_of(stage)[name]) for stage, name in SIZES)
    if lacking := memory_needs.matching_shortage(gallery, dimensions):
        raise InputError(lacking)
    network, images = _fit(s, embedder, seed)
    s.put_file(file_names.NETWORK, network.to_bytes())
    s.steps |= {f"{embedder}/{name}": list(enumerate(values, 1)) for name, values in network.losses.items()}
    parts = [_embedded(s, network, split) for split in tables.MATCHED]
    s.write_rows("embedded", pa.concat_tables(parts))
    dimensions = len(parts[0]["features"][0])
    s.figures = {"embed/learned_from": images, "embed/dimensions": dimensions}
    return f"{embedder}, learned from {images:,} images: vectors of {dimensions:,} numbers"


def _fit(s: Stage, embedder: str, seed: int) -> tuple[Network | PixelEncoder, int]:
    """The network of an embedder, and how many images it has learned from: no queries, which come later."""
    module = variants.load("embedder", embedder)
    shape = embeddings.pixels_shape(embedder, Extractor.from_facts(s.facts_of(stages.FEATURIZE)))
    label_of = arrow.by_id(s.rows("labels", ["image_id", "label"])) if module.LABELLED else {}
    if module.LABELLED and not label_of:
        raise InputError(
            f"{embedder} learns from labels of training images, and there are none; half_whitened needs none"
        )
    without_labels = ds.field("split").isin([*tables.LEARNED_FROM, tables.GALLERY])
    wanted = ds.field("image_id").isin(list(label_of)) if module.LABELLED else without_labels
    ids, features = s.matrix("features", "features", _bounded(s, wanted, shape) if shape else wanted)
    features = features.reshape(len(ids), *shape) if shape else features
    number = class_numbers(sorted(set(label_of.values())))
    classes = np.array([number[label_of[image_id]] for image_id in ids]) if module.LABELLED else None
    mirrored = s.arguments_of(stages.FEATURIZE).get("augment", variants.NONE) != variants.NONE
    views = {"views": s.matrix("mirrored", "features", wanted)[1]} if mirrored else {}
    return module.fit(features, classes, seed, s.say, **views), len(ids)


def _bounded(s: Stage, wanted: ds.Expression, shape: tuple[int, int, int]) -> ds.Expression:
    """The images that are wanted, but no more of their pixels than are learned from: the first by their ids, which are
    hashes.
    """
    ids, most = s.rows("features", ["image_id"], wanted)["image_id"].unique().sort(), pixel_training.most_images(shape)
    if len(ids) <= most:
        return wanted
    s.say(f"learns from {most:,} of {len(ids):,} images of {shape[0]} x {shape[1]} px")
    return wanted & ds.field("image_id").isin(ids[:most])


def _embedded(s: Stage, network: Network | PixelEncoder, split: str) -> pa.Table:
    """Rows of the table `embedded`."""
    ids, features = s.matrix("features", "features", ds.field("split") == split)
    vectors = embeddings.embed(network, features)
    return pa.table({"image_id": ids, "split": [split] * len(ids), "features": arrow.lists(vectors)})


if __name__ == "__main__":
    job.run(main, home)
