"""Scores any number of pictures into Parquet files, and goes on where it was stopped.

--pictures is a folder, a list (.txt, a path a line) or a table (.csv or .parquet with a column
`path`). Pictures that cannot be read become rows with an error; they stop nothing. With --engine
spark, Spark's workers read and score: paths that they all see, or URIs such as abfss://… and s3a://…
"""

import hashlib
import os
from argparse import Namespace
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from steps.shared import registry, stage
from steps.shared.picture_list import exists, list_pictures, place
from steps.shared.scorer import Scorer
from steps.shared.spark import is_uri
from steps.shared.spark_scorer import SparkScorer
from steps.shared.stage import StageError

SAME = ("label", "confidence", "known", "unknown_score")
"""What a row holds as the model says it."""
SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("label", pa.string()),
        ("confidence", pa.float64()),
        ("known", pa.bool_()),
        ("unknown_score", pa.float64()),
        ("scores", pa.map_(pa.string(), pa.float64())),
        ("model_version", pa.string()),
        ("error_code", pa.string()),
        ("error", pa.string()),
    ]
)


def table_of(root: Path, paths: list[str], answers: list[dict]) -> pa.Table:
    """A row a picture, in order, as SCHEMA says."""
    rows = []
    for path, answer in zip(paths, answers, strict=True):
        error = answer["error"] or {"code": None, "message": None}
        if error["code"] == "empty" and not exists(place(root, path)):
            error = {"code": "not_found", "message": "There is no such file."}
        rows.append(
            {
                **{name: answer.get(name) for name in SAME},
                "path": os.fsencode(path).decode(errors="backslashreplace"),  # Parquet is UTF-8
                "scores": list((answer["scores"] or {}).items()) or None,
                "model_version": answer["model"]["version"],
                "error_code": error["code"],
                "error": error["message"],
            }
        )
    return pa.Table.from_pylist(rows, SCHEMA)


def take_up(out: Path, identity: dict) -> None:
    """Keep the parts of an earlier attempt on the same pictures and model; remove any other's."""
    note = out / "attempt.json"
    if not note.is_file() or stage.read_json(note) != identity:
        for part in out.glob("part-*.parquet*"):
            part.unlink()
    stage.write_json(note, identity)


def score_parts(
    scorer: Scorer | SparkScorer, root: Path, paths: list[str], out: Path
) -> list[Path]:
    """Write the parts that are missing; returns all of them."""
    parts, size = [], scorer.part
    with tqdm(total=len(paths), desc="score", unit="picture") as bar:
        for first in range(0, len(paths), size):
            some, part = paths[first : first + size], out / f"part-{first // size:06d}.parquet"
            if not part.is_file():
                answers = scorer.score([place(root, path) for path in some], label="")
                partial = part.with_suffix(".parquet.partial")
                pq.write_table(table_of(root, some, answers), partial)
                partial.replace(part)
            parts.append(part)
            bar.update(len(some))
    return parts


def find_pictures(args: Namespace) -> tuple[Path, list[str]]:
    """What list_pictures finds. Raises StageError where the engine cannot read it."""
    if args.engine == "local" and is_uri(args.pictures):
        raise StageError(f"--pictures {args.pictures}: only --engine spark reads a URI.")
    root, paths = list_pictures(args.pictures)
    uri = next(filter(is_uri, paths), None)
    if args.engine == "local" and uri:
        raise StageError(f"--pictures {args.pictures}: only --engine spark reads {uri}.")
    return root, paths


def open_scorer(args: Namespace, folder: Path) -> Scorer | SparkScorer:
    """The engine that the command line says, on a packed model. Raises StageError."""
    return SparkScorer(folder) if args.engine == "spark" else Scorer(folder, args.workers)


def work(args: Namespace, out: Path) -> dict:
    """The stage: list, score what is missing, and say how it went."""
    root, paths = find_pictures(args)
    model = registry.fetch_or_champion(args.model_path, args.model_name)
    digest = stage.digest(model.folder, ["artifacts/network.onnx", "artifacts/facts.json"])
    listed = hashlib.sha256(os.fsencode("\n".join(paths))).hexdigest()
    with open_scorer(args, model.folder) as scorer:
        identity = {"root": str(root.resolve()), "paths": listed, "model": digest}
        take_up(out, {**identity, "part": scorer.part})
        parts = score_parts(scorer, root, paths, out)
    found = pd.concat(
        [pd.read_parquet(part, columns=["label", "known", "error_code"]) for part in parts]
    )
    figures: dict[str, float] = {
        "pictures": len(found),
        "unreadable": int(found["error_code"].notna().sum()),
        "unknown": int((found["known"] == False).sum()),  # noqa: E712 - it may be missing too
    }
    mlflow.log_metrics(figures)
    mlflow.set_tag("model", model.uri)
    print("score: " + ", ".join(f"{value:,} {name}" for name, value in figures.items()))
    return {"files": [part.name for part in parts], **figures}


if __name__ == "__main__":
    stage.run("score", work, keep_partial=True)
