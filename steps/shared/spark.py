"""Spark reads and works on files, on one machine or many; whoever asked collects the answers."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from steps.shared.stage import StageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH = 64
"""Files that a Python worker holds at one time; Spark's own 10,000 would be all of its memory."""

FILE_COST = 2**16
"""Bytes that opening a file counts as where Spark parts files into tasks of 128 MB. By its own 4 MB
a task would be 32 pictures, and each task loads the model anew."""

_URI = re.compile(r"[A-Za-z][\w+.-]+:/")
_WILDCARDS = re.compile(r"([\\\[\]{}*?])")


def session() -> "SparkSession":
    """The session that runs already, or a new one as Spark's own configuration says (`MASTER`,
    `SPARK_CONF_DIR`, spark-submit), by default on all cores here. Raises StageError without Spark.
    """
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise StageError(
            "--engine spark needs PySpark: pip install --require-hashes -r requirements/spark.txt"
        ) from error
    try:
        started = SparkSession.builder.appName("sports-ball").getOrCreate()
    except PySparkRuntimeError as error:
        raise StageError(
            f"Spark did not start ({error.getCondition()}): it needs Java 17 or newer; "
            "apt-get install default-jre-headless."
        ) from error
    started.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))
    started.conf.set("spark.sql.files.openCostInBytes", str(FILE_COST))
    return started


def read_files(spark: "SparkSession", files: Iterable[str]) -> "DataFrame":
    """A row a file, in no order: its URI as `path`, and its `content`; and one of an empty file
    whose path is "". files: what `uri_of` says.
    """
    empty = spark.createDataFrame([("", b"")], "path string, content binary")
    wanted = [_WILDCARDS.sub(r"\\\1", file) for file in files]
    if not wanted:
        return empty
    found = spark.read.format("binaryFile").load(wanted)
    return found.select("path", "content").union(empty)


def list_files(folder: str) -> list[str]:
    """Every file below a folder that only Spark can reach, as URIs, sorted; none of 0 bytes."""
    found = (
        session()
        .read.format("binaryFile")
        .option("recursiveFileLookup", "true")
        .load(folder)
        .select("path")  # no content is read for this
        .collect()
    )
    return sorted(row.path for row in found)


def is_uri(path: str | Path) -> bool:
    """Whether Spark alone knows how to open it: abfss://…, s3a://…, hdfs://…"""
    return bool(_URI.match(str(path)))


def uri_of(path: str | Path) -> str:
    """Which file is meant, whatever file system is the cluster's default."""
    return str(path) if is_uri(path) else f"file:{os.path.abspath(path)}"
