"""A Spark job that does a little of all that stages do, so that the classes it needs can be archived for them."""

import tempfile

from pyspark.sql import DataFrame, Observation, SparkSession, Window
from pyspark.sql import functions as F

from kindred.runtime import spark_session
from kindred.runtime.stage import Stage


def main() -> None:
    spark = spark_session.session("warm-up")
    with tempfile.TemporaryDirectory() as folder:
        frame = python_rows(spark)
        table = stored(spark, frame, folder)
        joined_and_collected(table, frame)
        with Stage("warm-up", f"file://{folder}", {}).progress():
            spark.sparkContext.parallelize(range(2), 2).map(str).collect()
    spark.stop()


def python_rows(spark: SparkSession) -> DataFrame:
    """Rows from Python, and through pandas."""
    rows = spark.sparkContext.parallelize([(str(i), i, [float(i)], b"x") for i in range(100)], 2)
    frame = spark.createDataFrame(rows, "id string, number int, list array<float>, content binary")
    return frame.mapInPandas(lambda frames: frames, frame.schema).persist()


def stored(spark: SparkSession, frame: DataFrame, folder: str) -> DataFrame:
    """A window, an observation, a shuffle, Parquet written and read, and rows through Arrow."""
    rank = F.row_number().over(Window.partitionBy("number").orderBy(F.sha2("id", 256)))
    ranked = frame.withColumn("rank", rank).observe(Observation(), F.max("rank"))
    ranked.repartition(2, "id").write.parquet(f"{folder}/ranked")
    table = spark_session.read_parquet(spark, ranked.schema, f"{folder}/ranked").where("rank = 1")
    return table.mapInArrow(lambda batches: batches, table.schema)


def joined_and_collected(table: DataFrame, frame: DataFrame) -> None:
    """Joins, a union, groups and a sort."""
    joined = table.join(F.broadcast(frame.select("id")), "id", how="left_anti")
    joined = joined.unionByName(table.dropDuplicates(["id"]))
    grouped = joined.join(table.select("id"), "id", how="inner").groupBy("number")
    grouped.agg(F.count("id"), F.collect_set("id")).collect()
    joined.orderBy("id").toPandas()


if __name__ == "__main__":
    main()
