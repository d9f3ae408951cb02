"""features, predictions of the final model -> index: the gallery, the test images, their pictures, and the model"""

from kindred.features import extractor_setup, text_files
from kindred.runtime import file_names, job, storage
from kindred.runtime.stage import Stage
from kindred.search import index_files, lower_bounds, pictures, spark_index
from kindred.serving import bundle


def home(s: Stage) -> str:
    """The run's own folder; with a text encoder beside the extractor's weights the work is another one."""
    chosen = s.arguments_of("featurize")
    s.prepared = extractor_setup.text_tower(chosen["extractor"], chosen["weights"], s.say)
    if s.prepared:  # without: as an index was recorded before there were text encoders
        s.arguments = {"text_encoder": s.prepared.sha256}
    return storage.join(s.run, s.name)


def main(s: Stage, **encoder: str) -> str:
    classes, dataset = s.facts_of("ingest")["classes"], s.facts_of("ingest")["dataset"]["name"]
    count = {split: int(s.figures_of("ingest")[f"ingest/{split}"]) for split in ("train", "unlabeled", "test")}
    piled = count["train"] + count["unlabeled"]
    sample = spark_index.sample(piled)
    sources = {"features": "features", "predictions_final": "probabilities"}
    samples = {column: s.matrix(table, column, sample)[1] for table, column in sources.items()}
    widths = {column: sample.shape[1] for column, sample in samples.items()}
    if s.prepared:
        text_files.check_width(s.prepared, widths["features"])
    bounds, folder = lower_bounds.fit(samples), {part: storage.join(s.folder, part) for part in bundle.PARTS}

    both = s.read("features"), s.read("predictions_final")
    gallery = spark_index.gallery(*both, s.read("images"), s.read("labels"))
    queries = spark_index.queries(*both, s.read("images"))
    picture_shards = max(1, -(-sum(count.values()) // pictures.PER_SHARD))
    rows = spark_index.write(gallery, piled, folder[bundle.VECTORS], bounds, dataset)
    rows = rows.unionByName(spark_index.write(queries, count["test"], folder[bundle.QUERIES], bounds, dataset))
    shrunk = spark_index.write_pictures(s.read("images"), picture_shards, folder[bundle.PICTURES])
    s.write("index", rows.unionByName(shrunk))

    table = s.written("index", ["part", "shard", "images", "checksums"])
    written, files = table.to_pandas(), {part: spark_index.checksums(table, part) for part in bundle.PARTS}
    about = {"classes": classes, "extractor": s.facts_of("featurize"), "built_from": s.inputs.copy(), **encoder}
    numbers = {part: sorted(written["shard"][written["part"] == part].tolist()) for part in bundle.PARTS}
    for part in (bundle.VECTORS, bundle.QUERIES):
        described = index_files.describe(widths=widths, **about)
        index_files.finish(folder[part], described, bounds, numbers[part], files[part])
    pictures.finish(folder[bundle.PICTURES], picture_shards, numbers[bundle.PICTURES], files[bundle.PICTURES])
    _put_model(s)
    if s.prepared:
        s.put_file(file_names.TEXT_ENCODER, s.prepared.encoder)
        s.put_file(file_names.TOKENIZER, s.prepared.tokenizer)
    images = int(written["images"][written["part"] == bundle.VECTORS].sum())
    s.facts = {**about, "folder": folder[bundle.VECTORS]}
    s.figures = {"build_index/images": images, "build_index/shards": len(numbers[bundle.VECTORS])}
    return f"{images:,} images to search in{', by words too' if s.prepared else ''}"


def _put_model(s: Stage) -> None:
    """What turns a new picture into features and probabilities, as the gallery's were made."""
    for name in (file_names.NETWORK, file_names.DESCRIPTION):
        s.put_file(name, s.file("gate", name))
    if s.facts_of("featurize")["graph"]:
        s.put_file(file_names.EXTRACTOR, s.file("featurize", file_names.EXTRACTOR))


if __name__ == "__main__":
    job.run(main, home)
