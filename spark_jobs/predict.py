"""a folder of images, a finished run -> predictions.csv: origin, label, confidence, none_of_these, probabilities"""

from kindred.data import image_csv, sources
from kindred.features import featurize, graph_cache
from kindred.learning import known_classes, networks
from kindred.runtime import file_names, job, partitioning, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from kindred.serving import predict


def main(s: Stage, *, run: str, images: str) -> str:
    source = RunReader(runs.find_run(run), s.name)
    extractor = featurize.Extractor.from_facts(source.facts_of("featurize"))
    classes = source.classes()
    network = networks.from_bytes(source.file("gate", file_names.NETWORK))
    known = None  # an older run, and one without novelty, has learned none
    if source.facts_of("gate").get("known_classes"):
        known = known_classes.from_bytes(source.file("gate", file_names.KNOWN_CLASSES))
    model = predict.Model(extractor, network, classes, known, s.threads())
    files = sources.images_to_label(images, s.say)
    graph_cache.send_to_workers(s.spark, extractor.graph, lambda: source.file("featurize", file_names.EXTRACTOR))
    rows = [(file.uri, file.version if isinstance(file, sources.Refused) else None) for file in files]
    tasks = s.spark.sparkContext.parallelize(rows, partitioning.tasks(s.spark, len(rows)))
    origins = s.spark.createDataFrame(tasks, predict.FILES)
    written = s.write("labelled_images", predict.label(origins, model), of=len(files))
    good, bad = written.where("reason is null").orderBy("origin"), written.where("reason is not null").orderBy("origin")
    labelled = good.count()
    if not labelled:
        raise InputError(f"none of the {len(files):,} files in {images} is an image; the first: {bad.first().reason}")
    with storage.atomic_file(storage.join(s.run, file_names.PREDICTIONS)) as file:
        predict.write_csv(good.toLocalIterator(), classes, file)
    with storage.atomic_file(storage.join(s.run, file_names.REJECTED)) as file:
        image_csv.write(bad.toLocalIterator(), predict.REJECTED_COLUMNS, file)
    rejected, text = len(files) - labelled, f"{labelled:,} images labelled"
    s.figures = {"predict/images": labelled, "predict/rejected": rejected}
    if known is not None:
        s.figures["predict/none_of_these"] = none = good.where("none_of_these").count()
        text += f", {none:,} of them probably of none of the {len(classes)} classes"
    place = storage.join(storage.local(s.run), file_names.PREDICTIONS)
    return f"{text}; {rejected:,} rejected: {place}"


if __name__ == "__main__":
    job.run(main)
