"""test images, base and final -> how easily each is fooled"""

import pyarrow.dataset as ds
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.evaluation.attacks import attack_figures, attack_plan, spark_attacks
from kindred.features import featurize, graph_cache
from kindred.learning import folds
from kindred.runtime import file_names, job, variants
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage

TEST = ds.field("split") == "test"


def main(
    s: Stage,
    *,
    attacks: list[str],
    attack_images: int | None,
    attack_queries: int | None,
    attack_epsilon_l2: float | None,
    attack_epsilon_linf: float | None,
    seed: int,
) -> str:
    if s.multi_label():
        raise InputError("attacks are for one label an image; run again without the box attack")
    facts, extractor = s.facts_of("ingest"), featurize.Extractor.from_facts(s.facts_of("featurize"))
    network = variants.load("extractor", extractor.name).WEIGHTED
    bounds = {"l2": attack_epsilon_l2, "linf": attack_epsilon_linf}
    size = (facts["height"] or extractor.height, facts["width"] or extractor.width, facts["channels"])
    queries = attack_queries or attack_plan.DEFAULT_QUERIES[network]
    plan = attack_plan.make_plan(attacks, queries, bounds, size, seed)
    models = {"base": s.file("train_base", folds.network_file(folds.ALL))}
    if same := s.facts_of("gate")["chosen"] == "base":
        s.say("final is base: one model, attacked once")
    else:
        models["final"] = s.file("gate", file_names.NETWORK)
    chosen = _chosen(s, attack_images or attack_plan.DEFAULT_IMAGES[network], seed)
    worker = spark_attacks.worker(plan, extractor, models, s.classes(), facts["channels"], s.threads())
    graph_cache.send_to_workers(s.spark, extractor.graph, lambda: s.file("featurize", file_names.EXTRACTOR))
    with s.progress(of=len(chosen)):
        attacked = _images(s, chosen).mapInPandas(worker, spark_attacks.ATTACKED).toArrow()
    outcomes, pictures = spark_attacks.tables(attacked, same)
    s.write_rows("attacks", outcomes)
    s.write_rows("attack_pictures", pictures)
    rows = outcomes.select(["image_id", "model", "attack", "label", "before", "queries", "success"]).to_pandas()
    s.figures = {**attack_figures.figures(rows, plan), "attack/same_model": int(same)}
    s.steps = attack_figures.success_curves(rows, plan.budget)
    return attack_figures.summary(s.figures, plan)


def _chosen(s: Stage, count: int, seed: int) -> list[tuple[str, str, bool]]:
    """Rows of CHOSEN."""
    truth = s.rows("truth").to_pandas().set_index("image_id")["label"].to_dict()
    ids = s.rows("images", ["image_id"], TEST)["image_id"].to_pylist()
    chosen = attack_plan.choose_images(ids, truth, count, seed)
    tables = (s.rows(f"predictions_{model}", ["image_id", "prediction"], TEST) for model in ("base", "final"))
    predictions = [table.to_pandas().set_index("image_id")["prediction"].to_dict() for table in tables]
    pictured = attack_plan.pictured_images(chosen, truth, predictions)
    return [(i, truth[i], i in pictured) for i in chosen]


def _images(s: Stage, chosen: list[tuple[str, str, bool]]) -> DataFrame:
    """Rows of CHOSEN with their content, spread over Spark's tasks."""
    rows = s.spark.createDataFrame(chosen, spark_attacks.CHOSEN)
    test = s.read("images").where("split = 'test'").select("image_id", "content")
    tasks = min(len(chosen), spark_attacks.TASKS_PER_CORE * s.spark.sparkContext.defaultParallelism)
    return test.join(F.broadcast(rows), "image_id", how="inner").repartition(tasks)


if __name__ == "__main__":
    job.run(main)
