"""A Spark session on one machine: who can reach it."""

import os

import pytest
from py4j.protocol import Py4JJavaError

import sockets


def test_nobody_on_the_network_reaches_a_local_session(spark) -> None:
    listening = sockets.listening(os.getpid())

    assert any(program == "java" for program, _, _ in listening)
    assert sockets.beyond_loopback(os.getpid()) == set()


def test_a_local_session_asks_for_a_secret(spark) -> None:
    assert spark.sparkContext.getConf().get("spark.authenticate") == "true"


def test_the_name_of_the_machine_need_not_resolve(spark) -> None:
    inet_address = spark.sparkContext._jvm.java.net.InetAddress

    with pytest.raises(Py4JJavaError, match="UnknownHostException"):
        inet_address.getLocalHost()
    assert spark.range(3).count() == 3


def test_other_accounts_cannot_read_what_a_local_session_writes(spark, tmp_path) -> None:
    spark.range(3).write.parquet(f"file://{tmp_path}/tables/numbers")

    written = list((tmp_path / "tables").rglob("*.parquet"))
    assert written
    assert not [path for path in (tmp_path / "tables", *written) if path.stat().st_mode & 0o077]
