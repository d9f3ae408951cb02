"""a folder of images, a finished run -> predictions.csv: origin, label, confidence, probabilities"""

from kindred import featurize, networks, predict, runs, stage, work
from kindred.errors import InputError


def main(s: stage.Stage, *, run: str, images: str) -> str:
    source = stage.Stage(s.name, runs.find_run(run, "self_training"), {})
    extractor = featurize.Extractor.of(source.facts_of("featurize"))
    classes = source.facts_of("ingest")["classes"]
    network = networks.from_bytes(source.file("gate", "network.npz"))
    uris = predict.files(images)
    featurize.ship(s.spark, extractor, lambda: source.file("featurize", featurize.FILE))
    rows = s.spark.sparkContext.parallelize([(uri,) for uri in uris], work.tasks(s.spark, len(uris)))
    origins = s.spark.createDataFrame(rows, "origin string")
    written = s.write("labelled_images", predict.label(origins, extractor, network, classes, s.threads()), of=len(uris))
    good, bad = written.where("reason is null").orderBy("origin"), written.where("reason is not null").orderBy("origin")
    found = good.count()
    if not found:
        raise InputError(f"none of the {len(uris):,} files in {images} is an image; the first: {bad.first().reason}")
    with runs.atomic_file(runs.join(s.run, "predictions.csv")) as file:
        predict.write_csv(good.toLocalIterator(), classes, file)
    with runs.atomic_file(runs.join(s.run, "rejected.csv")) as file:
        predict.write_rejected(bad.toLocalIterator(), file)
    s.figures = {"predict/images": found, "predict/rejected": len(uris) - found}
    return f"{found:,} images labelled, {len(uris) - found:,} rejected: {runs.local(s.run)}/predictions.csv"


if __name__ == "__main__":
    stage.run(main)
