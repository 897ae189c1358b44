"""Spark reads and scores what one machine reads and scores, with equal results."""

import numpy as np
import pandas as pd
import pytest
from drawing import encoded, photograph
from pyspark.sql import SparkSession

from steps.shared import spark, spark_decoder, spark_scorer

# PySpark leaves its sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

NAMES = ("0.jpg", "a [b] {c}*?.jpg", "Größe 50%.png", "below/3.jpg")
"""Names that mean something to Hadoop, to URIs and to nobody."""


@pytest.fixture(scope="module")
def session():
    """Spark on two cores of this machine, as a user's own session that is up already."""
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    for i, name in enumerate(NAMES):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        kind = "PNG" if name.endswith("png") else "JPEG"
        (folder / name).write_bytes(encoded(photograph(80, 60, i), kind))
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "empty.jpg").write_bytes(b"")
    return folder


def rows_of(out) -> pd.DataFrame:
    parts = [pd.read_parquet(part) for part in sorted(out.glob("part-*.parquet"))]
    return pd.concat(parts, ignore_index=True)


def test_both_engines_score_alike(session, house, pictures, run_stage, tmp_path):
    listed = [*sorted(NAMES), "missing.jpg", "broken.png", "empty.jpg", NAMES[0]]
    pd.DataFrame({"path": listed}).to_csv(pictures / "list.csv", index=False)

    found = {}
    for engine in ("local", "spark"):
        flags = ["--pictures", pictures / "list.csv", "--model-path", house.model]
        outcome = run_stage("score", *flags, "--engine", engine, "--out", tmp_path / engine)
        assert outcome.code == 0, outcome.run.data.tags
        found[engine] = rows_of(tmp_path / engine)

    assert found["spark"]["path"].tolist() == listed
    assert found["spark"]["error_code"].tolist()[-4:-1] == ["not_found", "not_an_image", "empty"]
    pd.testing.assert_frame_equal(found["spark"], found["local"], rtol=1e-4, atol=1e-5)


def test_a_folder_that_only_spark_can_reach_is_listed_by_it(
    session, house, pictures, run_stage, tmp_path
):
    folder = f"file://{pictures}"
    flags = ["--pictures", folder, "--model-path", house.model, "--engine", "spark"]
    outcome = run_stage("score", *flags, "--out", tmp_path / "out")

    assert outcome.code == 0, outcome.run.data.tags
    rows = rows_of(tmp_path / "out")
    assert rows["path"].tolist() == sorted(f"file:{pictures / n}" for n in [*NAMES, "broken.png"])
    assert rows.set_index("path")["error_code"].dropna().tolist() == ["not_an_image"]


def test_both_engines_prepare_alike(session, house, run_stage, tmp_path):
    flags = ["--photos", house.ingest, "--size", 32]
    outcome = run_stage("dataprep", *flags, "--engine", "spark", "--out", tmp_path / "spark")
    assert outcome.code == 0, outcome.run.data.tags
    run_stage("dataprep", *flags, "--out", tmp_path / "local")

    for name in ("images.npy", "files.csv", "rejected.csv"):
        assert (tmp_path / "spark" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_a_photograph_that_cannot_be_read_is_rejected_by_name(session, tmp_path):
    (tmp_path / "good.png").write_bytes(encoded(photograph(20, 20, 1), "PNG"))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "empty.png").touch()
    errors = spark_decoder.decode_files(
        tmp_path, ["bad.png", "good.png", "empty.png"], tmp_path / "images.npy", 8
    )

    assert {row: error.code for row, error in errors.items()} == {
        0: "not_an_image",
        2: "empty",
    }
    assert np.load(tmp_path / "images.npy")[1].any()


def test_a_model_of_before_is_refused_by_spark(
    session, house, pictures, run_stage, tmp_path, monkeypatch
):
    monkeypatch.setattr(spark_scorer, "AS_JSON", {"unheard": True})
    flags = ["--pictures", pictures, "--model-path", house.model, "--engine", "spark"]
    outcome = run_stage("score", *flags, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert "packed" in outcome.run.data.tags["stage.error"]


def test_a_uri_stays_what_it_is(tmp_path):
    assert spark.uri_of("abfss://box@account/a b.jpg") == "abfss://box@account/a b.jpg"
    assert spark.uri_of(tmp_path / "a b.jpg") == f"file:{tmp_path}/a b.jpg"
