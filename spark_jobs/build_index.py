"""features, predictions of the final model -> index: the gallery, the test images, their pictures, and the model"""

from kindred.features import extractor_setup, text_files
from kindred.learning import networks
from kindred.runtime import file_names, job, storage, variants
from kindred.runtime.stage import Stage
from kindred.search import cells, file_shards, image_index, index_files, lower_bounds, pictures, recall, spark_index
from kindred.search.cells import Cells
from kindred.search.lower_bounds import LowerBound
from kindred.serving import bundle


def home(s: Stage, *, search_mode: str = variants.EXACT) -> str:
    """The run's own folder; with a text encoder beside the extractor's weights the work is another one."""
    # as an index was recorded before there were these arguments, to be reused
    s.arguments = {} if search_mode == variants.EXACT else {"search_mode": search_mode}
    chosen = s.arguments_of("featurize")
    s.prepared = extractor_setup.text_tower(chosen["extractor"], chosen["weights"], s.say)
    if s.prepared:
        s.arguments["text_encoder"] = s.prepared.sha256
    return storage.join(s.run, s.name)


def main(s: Stage, *, search_mode: str = variants.EXACT, **encoder: str) -> str:
    classes, dataset = s.classes(), s.facts_of("ingest")["dataset"]["name"]
    count = {split: int(s.figures_of("ingest")[f"ingest/{split}"]) for split in ("train", "unlabeled", "test")}
    piled = count["train"] + count["unlabeled"]
    sample = spark_index.sample(piled)
    sources = {"features": "features", "predictions_final": "probabilities"}
    samples = {column: s.matrix(table, column, sample)[1] for table, column in sources.items()}
    widths = {column: sample.shape[1] for column, sample in samples.items()}
    if s.prepared:
        text_files.check_width(s.prepared, widths["features"])
    thresholds = networks.from_bytes(s.file("gate", file_names.NETWORK)).thresholds
    bounds = lower_bounds.fit(samples, several=thresholds is not None)
    folder = {part: storage.join(s.folder, part) for part in bundle.PARTS}
    by_distance = _cells(s, piled, bounds) if search_mode == variants.APPROXIMATE else {}

    both = s.read("features"), s.read("predictions_final")
    gallery = spark_index.gallery(*both, s.read("images"), s.read("labels"))
    queries = spark_index.queries(*both, s.read("images"))
    picture_shards = max(1, -(-sum(count.values()) // pictures.PER_SHARD))
    rows = spark_index.write(gallery, piled, folder[bundle.VECTORS], bounds, dataset, by_distance, thresholds)
    tested = spark_index.write(queries, count["test"], folder[bundle.QUERIES], bounds, dataset, {}, thresholds)
    rows = rows.unionByName(tested)
    shrunk = spark_index.write_pictures(s.read("images"), picture_shards, folder[bundle.PICTURES])
    s.write("index", rows.unionByName(shrunk))

    written = spark_index.written(s.written("index", ["part", "shard", "images", "checksums"]), bundle.PARTS)
    about = {"classes": classes, "extractor": s.facts_of("featurize"), "built_from": s.inputs.copy(), **encoder}
    if thresholds is not None:
        about[index_files.THRESHOLDS] = list(thresholds)
    for part, of in ((bundle.VECTORS, by_distance), (bundle.QUERIES, {})):
        described = index_files.describe(widths=widths, **about)
        index_files.finish(folder[part], described, bounds, written[part].numbers, written[part].checksums, of)
    s.figures = _measured(s, folder[bundle.VECTORS]) if by_distance else {}
    file_shards.finish(folder[bundle.PICTURES], picture_shards, *written[bundle.PICTURES][:2])
    _put_model(s)
    if s.prepared:
        s.put_file(file_names.TEXT_ENCODER, s.prepared.encoder)
        s.put_file(file_names.TOKENIZER, s.prepared.tokenizer)
    images = written[bundle.VECTORS].images
    s.facts = {**about, "folder": folder[bundle.VECTORS]}
    s.figures |= {"build_index/images": images, "build_index/shards": len(written[bundle.VECTORS].numbers)}
    return f"{images:,} images to search in{', by words too' if s.prepared else ''}"


def _cells(s: Stage, images: int, bounds: dict[str, LowerBound]) -> dict[str, Cells]:
    """The cells of an approximate search of so many images, from a larger sample of them than the lower bounds'."""
    sample = spark_index.sample(images, cells.PER_CELL * cells.cell_count(images))
    return cells.fit(s.matrix("features", "features", sample)[1], images, bounds)


def _measured(s: Stage, folder: str) -> dict[str, float]:
    """The figures of the approximate search in the index of a folder; its `about.json` says them from now on."""
    s.say("measures how many of the nearest images the approximate search finds")
    about = image_index.open_folder(folder).measured().about
    index_files.put_about(folder, about)
    named = [(name, recall.Setting(*one)) for name, every in about[variants.APPROXIMATE].items() for one in every]
    s.say(f"recall: {', '.join(f'{one.recall:.1%} of {one.k} by {name}' for name, one in named)}")
    return {f"build_index/{name}_recall_at_{one.k}": one.recall for name, one in named}


def _put_model(s: Stage) -> None:
    """What turns a new picture into features and probabilities, as the gallery's were made."""
    for name in (file_names.NETWORK, file_names.DESCRIPTION):
        s.put_file(name, s.file("gate", name))
    if s.facts_of("featurize")["graph"]:
        s.put_file(file_names.EXTRACTOR, s.file("featurize", file_names.EXTRACTOR))


if __name__ == "__main__":
    job.run(main, home)
