"""The Spark session that every stage works in."""

import os
import uuid
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from kindred.runtime import partitioning
from kindred.runtime.cpu import cores

KEPT = "KINDRED_KEPT_DRIVER"  # set where the driver, and so its Spark context, is there before and after this process
WORKERS = "KINDRED_WORKERS"  # Spark gives Python workers of another environment to no task


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
    spark = (_in_kept_context(settings) if os.environ.get(KEPT) else None) or builder.getOrCreate()
    spark.sparkContext.environment[WORKERS] = uuid.uuid4().hex
    spark.conf.set("spark.sql.shuffle.partitions", str(partitioning.shuffle_partitions(spark)))
    return spark


def _in_kept_context(settings: dict[str, str]) -> SparkSession | None:
    """A session of its own (temporary views, settings) in the Spark context that an earlier process has started; None
    where this is the first one. How PySpark itself joins a JVM that has a context: by `gateway` and `jsc`.
    """
    gateway = launch_gateway()  # type: ignore[no-untyped-call]
    jvm = gateway.jvm
    started = jvm.org.apache.spark.sql.classic.SparkSession.getDefaultSession()
    if not started.isDefined():
        return None
    java_context = jvm.JavaSparkContext(started.get().sparkContext())
    conf = SparkConf(_jvm=jvm, _jconf=java_context.getConf())
    context = SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    java_session = started.get().newSession()
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(java_session)
    spark = SparkSession(context, java_session)
    for key, value in settings.items():
        if key.startswith("spark.sql."):
            spark.conf.set(key, value)
    return spark


def release() -> None:
    """Free what this process has stored in a kept driver: cached tables at once, and shuffles and broadcast values,
    which Spark deletes when the JVM has collected the objects that stand for them.
    """
    spark = SparkSession.getActiveSession()
    if spark is None:
        return
    spark.catalog.clearCache()
    for stored in spark.sparkContext._jsc.getPersistentRDDs().values():
        stored.unpersist()
    jvm: Any = spark.sparkContext._jvm
    jvm.System.gc()


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
