"""A Spark job that does a little of all that stages do, so that the classes it needs can be archived for them."""

import tempfile

from pyspark.sql import Observation, Window
from pyspark.sql import functions as F

from kindred.runtime import spark_session
from kindred.runtime.stage import Stage


def main() -> None:
    spark = spark_session.session("warm-up")
    with tempfile.TemporaryDirectory() as folder:
        rows = spark.sparkContext.parallelize([(str(i), i, [float(i)], b"x") for i in range(100)], 2)
        frame = spark.createDataFrame(rows, "id string, number int, list array<float>, content binary")
        frame = frame.mapInPandas(lambda frames: frames, frame.schema).persist()
        rank = F.row_number().over(Window.partitionBy("number").orderBy(F.sha2("id", 256)))
        seen = Observation()
        wide = frame.withColumn("rank", rank).observe(seen, F.max("rank"))
        wide.repartition(2, "id").write.parquet(f"{folder}/wide")
        read = spark.read.schema(wide.schema).parquet(f"{folder}/wide").where("rank = 1")
        arrow = read.mapInArrow(lambda batches: batches, read.schema)
        joined = arrow.join(F.broadcast(frame.select("id")), "id", how="left_anti").unionByName(
            arrow.dropDuplicates(["id"])
        )
        joined.join(read.select("id"), "id", how="inner").groupBy("number").agg(
            F.count("id"), F.collect_set("id")
        ).collect()
        joined.orderBy("id").toPandas()
        with Stage("warm-up", f"file://{folder}", {}).progress():
            spark.sparkContext.parallelize(range(2), 2).map(str).collect()
    spark.stop()


if __name__ == "__main__":
    main()
