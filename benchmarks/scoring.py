"""Pictures a second of `score`, here and on Spark's local mode, beside one picture at a time.

python -m benchmarks.scoring --model work/…/train/…/model              # 100,000 pictures
python -m benchmarks.scoring --model work/…/train/…/model --pictures 10000

The pictures are links to the photographs, as often as are needed. Both engines run as a user would
run them, start of Python and of Spark included, and must answer the same.
"""

import argparse
import base64
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import psutil

from benchmarks import results
from benchmarks.pipeline import tracking

ENGINES = ("local", "spark")
PLAIN = 1_000
"""Pictures that are asked about one by one, and with that a second is worked out."""


def gather(photos: Path, count: int, folder: Path) -> None:
    """Links to the photographs, again and again until there are `count`."""
    found = sorted(photos.glob("*/*.jpg"))
    for number in range(count):
        photo = found[number % len(found)]
        link = folder / f"{number // len(found):03}" / photo.parent.name / photo.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(photo.resolve())


def score(engine: str, pictures: Path, model: Path, work: Path) -> dict[str, float]:
    """One run of the stage; pictures a second, and which share of all cores it kept busy."""
    flags = ["--engine", engine, "--pictures", str(pictures), "--model-path", str(model)]
    command = [sys.executable, "-m", "steps.score", *flags, "--out", str(work / engine)]
    psutil.cpu_percent()
    begun = time.perf_counter()
    environment = {**os.environ, "MLFLOW_TRACKING_URI": tracking(work)}
    subprocess.run(command, check=True, env=environment)
    seconds = time.perf_counter() - begun
    busy = psutil.cpu_percent() / 100 * (os.cpu_count() or 1)
    return {"seconds": round(seconds, 1), "busy_cores": round(busy, 2)}


def answers(folder: Path) -> pd.DataFrame:
    """All rows, in the order of their paths."""
    parts = [pd.read_parquet(part) for part in sorted(folder.glob("part-*.parquet"))]
    return pd.concat(parts).sort_values("path", ignore_index=True)


def one_by_one(model: Path, pictures: list[Path]) -> float:
    """Pictures a second of the loop that comes to mind first."""
    loaded = mlflow.pyfunc.load_model(str(model))
    begun = time.perf_counter()
    for path in pictures:
        text = base64.b64encode(path.read_bytes()).decode()
        (answer,) = loaded.predict(pd.DataFrame({"image": [text]}))
        assert answer["error"] is None
    return round(len(pictures) / (time.perf_counter() - begun), 1)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a packed model's folder")
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--source", type=results.photographs, default=results.PHOTOS)
    args = parser.parse_args()
    found: dict[str, object] = {"pictures": args.pictures}
    with tempfile.TemporaryDirectory() as scratch:
        pictures = Path(scratch) / "pictures"
        pictures.mkdir()
        gather(args.source, args.pictures, pictures)
        for engine in ENGINES:
            figures = score(engine, pictures, args.model, Path(scratch))
            speed = round(args.pictures / figures["seconds"], 1)
            found[engine] = {"pictures_per_second": speed, **figures}
        one, other = (answers(Path(scratch) / engine) for engine in ENGINES)
    same = ["path", "label", "known", "error_code"]
    found["equal"] = one[same].equals(other[same])
    found["largest_difference"] = float(np.abs(one["confidence"] - other["confidence"]).max())
    first = sorted(args.source.glob("*/*.jpg"))[:PLAIN]
    found["one_by_one_pictures_per_second"] = one_by_one(args.model, first)
    results.write("scoring", found, results.whole(parser, args, "pictures"))


if __name__ == "__main__":
    main()
