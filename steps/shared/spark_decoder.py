"""The engine `spark` of dataprep: what arrays.decode_files does, worked out by Spark's workers."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from steps.served_model import pictures
from steps.served_model.pictures import PictureError
from steps.shared import arrays, spark

MOST_BYTES = 256 * 2**20
"""Of decoded pictures that a job hands to the driver; Spark's own limit is 1 GiB."""

SCHEMA = "path string, pixels binary, code string, reason string"


def decode_files(
    folder: Path, names: list[str], target: Path, size: int
) -> dict[int, PictureError]:
    """As arrays.decode_files; `folder` is one that every worker sees under the same name."""
    from pyspark import cloudpickle

    cloudpickle.register_pickle_by_value(pictures)  # workers need Pillow and NumPy, not `steps`
    rows = arrays.new_file(target, np.uint8, (len(names), size, size, 3))
    errors: dict[int, PictureError] = {}
    chunk = max(1, MOST_BYTES // (size * size * 3))
    with tqdm(total=len(names), desc="dataprep", unit="picture") as bar:
        for first in range(0, len(names), chunk):
            some = names[first : first + chunk]
            for i, found in enumerate(_decode([folder / name for name in some], size), first):
                if isinstance(found, PictureError):
                    errors[i] = found
                else:
                    rows[i] = found
            bar.update(len(some))
    rows.flush()
    return errors


def _decode(paths: list[Path], size: int) -> Iterator[np.ndarray | PictureError]:
    uris = [spark.uri_of(path) for path in paths]
    files = spark.read_files(spark.session(), set(uris))
    found = {row.path: row for row in files.mapInPandas(_decoder(size), SCHEMA).collect()}
    for uri in uris:
        row = found.get(uri, found[""])  # Spark leaves files without a byte out
        if row.code:
            yield PictureError(row.code, row.reason)
        else:
            yield np.frombuffer(row.pixels, np.uint8).reshape(size, size, 3)


def _decoder(size: int) -> Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]:
    decode, failure = pictures.decode, pictures.PictureError

    def one(path: str, content: bytes) -> tuple:
        try:
            return path, decode(content, size).tobytes(), None, None
        except failure as error:
            return path, None, error.code, str(error)

    def tables(parts: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        for part in parts:
            rows = [one(*row) for row in part.itertuples(index=False)]
            yield pd.DataFrame(rows, columns=["path", "pixels", "code", "reason"])

    return tables
