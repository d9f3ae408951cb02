"""images -> features: the same for every run on the same images with the same extractor and weights"""

from dataclasses import asdict

from pyspark.sql import Observation
from pyspark.sql import functions as F

from kindred import featurize, runs, stage, work


def home(s: stage.Stage, *, extractor: str, image_size: int | None, weights: str) -> str:
    """A folder beside the images, named by the extractor and everything that its output depends on."""
    dataset = s.folder_of("ingest").rsplit("/", 1)[0]  # the folder above the stage's own
    s.found = featurize.prepare(extractor, image_size, weights, s.facts_of("ingest"))
    return runs.join(dataset, "featurize", f"{extractor}-{s.found.fingerprint}")


def main(s: stage.Stage, *, extractor: str, image_size: int | None, weights: str) -> str:
    images = s.read("images").select("image_id", "split", "content")
    count = images.count()
    featurize.fit(s.found, images, s.say)
    featurize.ship(s.spark, s.found)
    if s.found.graph:
        s.put_file(featurize.FILE, featurize.graph_path(s.found).read_bytes())
    run = featurize.worker(s.found, s.threads())
    times = Observation()
    features = images.repartition(work.tasks(s.spark, count), "image_id").mapInArrow(run, featurize.TIMED)
    features = features.observe(times, F.min("started").alias("start"), F.max("ended").alias("end"))
    dimensions = len(s.write("features", features, of=count).select("features").first()[0])
    seconds = max(times.get["end"] - times.get["start"], 1e-3)
    s.facts = asdict(s.found)
    rate = round(count / seconds, 2)
    s.figures = {"featurize/images": count, "featurize/dimensions": dimensions, "featurize/images_per_second": rate}
    return f"{count:,} images, {dimensions:,} features each, {rate:,.0f} images/s"


if __name__ == "__main__":
    stage.run(main, home)
