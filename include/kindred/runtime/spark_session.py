"""The Spark session that every stage works in."""

import os

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from kindred.runtime import partitioning
from kindred.runtime.cpu import cores


def session(name: str) -> SparkSession:
    """The Spark session, with the settings that every stage relies on; where it runs is spark-submit's to say."""
    if running := SparkSession.getActiveSession():
        return running
    builder = SparkSession.builder.appName(name)
    settings = {
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **partitioning.batch_settings(),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.python.worker.reuse": "true",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    }
    if secret := os.environ.get("_SPARK_AUTH_SECRET"):  # here, because spark-submit's command line is logged
        settings["spark.authenticate.secret"] = secret
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.conf.set("spark.sql.shuffle.partitions", str(partitioning.shuffle_partitions(spark)))
    return spark


def read_parquet(spark: SparkSession, columns: str | StructType, uri: str) -> DataFrame:
    """The Parquet table at a URI. Its name is taken as it is: Spark would take brackets, braces, `?` and `*` for
    wildcards, and its own escapes of them fail beside a colon.
    """
    return spark.read.schema(columns).option("__globPaths__", "false").parquet(uri)


def threads_per_task(spark: SparkSession) -> int:
    """Threads for each task, so that the tasks that run side by side fill the cores and do not fight over them."""
    context = spark.sparkContext
    if (context.master or "").startswith("local"):
        return max(1, cores() // context.defaultParallelism)
    return int(context.getConf().get("spark.task.cpus", "1"))
