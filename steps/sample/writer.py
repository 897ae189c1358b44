"""Writing the sample data: folders of JPEG files, rendered in parallel, the same bytes always."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm  # type: ignore[import-untyped]

from steps.sample.kinds import CATEGORIES
from steps.sample.scene import render

Job = tuple[str, int]

JPEG_QUALITY = (72, 96)
"""Lowest and highest quality of the files."""
PICTURES_A_TASK = 20
"""Pictures that a worker renders before it asks for more."""


def picture_rng(seed: int, category: str, number: int) -> np.random.Generator:
    """The generator of one picture: it depends on nothing else, so neither does the picture."""
    return np.random.default_rng([seed, CATEGORIES.index(category), number])


def write_sample(
    out: Path, per_category: int, seed: int, size: int = 192, workers: int | None = None
) -> int:
    """Write `out/<category>/<category>-<seed>-0001.jpg` and so on; returns the number of files.

    seed: 0 or more; size: pixels along a side, at least 16; workers: processes, by default one a
    core. A file appears under its name only when it is whole. Raises ValueError for a negative
    count or seed, or a size that is too small.
    """
    if per_category < 0 or seed < 0:
        raise ValueError(f"per_category {per_category} and seed {seed} must be 0 or more")
    for category in CATEGORIES:
        (out / category).mkdir(parents=True, exist_ok=True)
    jobs = [(name, i + 1) for name in CATEGORIES for i in range(per_category)]
    write = partial(write_picture, out, seed, size)
    for _ in tqdm(_mapped(write, jobs, workers), "rendering", len(jobs), unit="picture"):
        pass
    return len(jobs)


def write_picture(out: Path, seed: int, size: int, job: Job) -> None:
    """Render and write one picture; job: its category and its number, from 1."""
    category, number = job
    rng = picture_rng(seed, category, number)
    picture = render(category, rng, size)
    path = out / category / f"{category}-{seed}-{number:04d}.jpg"
    unfinished = path.with_suffix(".part")
    picture.save(unfinished, "JPEG", quality=int(rng.integers(*JPEG_QUALITY, endpoint=True)))
    unfinished.replace(path)


def _mapped(write: Callable[[Job], None], jobs: list[Job], workers: int | None) -> Iterator[None]:
    processes = min(workers or os.cpu_count() or 1, -(-len(jobs) // PICTURES_A_TASK))
    if processes <= 1:
        yield from map(write, jobs)
        return
    # Spawned workers inherit no locks or threads from a parent that may run a web server or a GPU.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        yield from pool.map(write, jobs, chunksize=PICTURES_A_TASK)
