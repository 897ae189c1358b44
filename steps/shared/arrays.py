"""Many picture files into one memory-mapped array, over all cores, in memory that stays flat."""

import errno
import math
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Thread

import numpy as np
from numpy.lib.format import open_memmap
from tqdm import tqdm

from steps.served_model.pictures import PictureError, decode
from steps.shared.photo_file import read
from steps.shared.stage import StageError

CHUNK = 64
"""Pictures a task: large enough to hide the hand-over, small enough to keep all cores busy."""

Decoder = Callable[[Path, list[str], Path, int], dict[int, PictureError]]
"""Decodes files of a folder into a .npy file at a size; see decode_files."""


def new_file(path: Path, dtype: np.dtype | type, shape: tuple[int, ...]) -> np.memmap:
    """A .npy file of zeros, mapped into memory, whose place on the disk is taken.

    Raises StageError where there is no such place: on a disk that fills up only while the pages of
    a sparse file are written, the kernel ends the process instead (SIGBUS).
    """
    try:
        array = open_memmap(path, "w+", dtype, shape)
        _take_place(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        path.unlink(missing_ok=True)
        size = math.prod(shape) * np.dtype(dtype).itemsize / 2**20
        raise StageError(
            f"no {size:,.0f} MiB for {path.name} in {path.parent}: {error.strerror}. Make room, or "
            "choose another disk by --work (--out of a single stage)."
        ) from error
    return array


def _take_place(path: Path) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS has none
        return
    with path.open("rb+") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise  # else this file system cannot tell, and the file stays sparse


def decode_files(
    folder: Path, names: list[str], target: Path, size: int, workers: int = 0
) -> dict[int, PictureError]:
    """Decode files into an (n, size, size, 3) uint8 .npy file, row i for names[i].

    workers: processes; 0 is one a core. Returns the error of each row that could not be decoded,
    which stays black. Raises StageError where a decoder process dies, and as `new_file`.
    """
    new_file(target, np.uint8, (len(names), size, size, 3)).flush()
    errors: dict[int, PictureError] = {}
    pool = ProcessPoolExecutor(workers or os.cpu_count(), initializer=follow_parent)
    try:
        tasks = {
            pool.submit(_decode_chunk, folder, names[i : i + CHUNK], target, i, size): i
            for i in range(0, len(names), CHUNK)
        }
        with tqdm(total=len(names), desc="dataprep", unit="picture") as bar:
            for task in as_completed(tasks):
                first = tasks[task]
                try:
                    errors |= task.result()
                except BrokenProcessPool as error:
                    raise StageError(
                        f"a decoder died on one of {names[first]} … (out of memory, or a file that "
                        "breaks the picture library); remove the file and run again."
                    ) from error
                bar.update(min(CHUNK, len(names) - first))
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C or an error the rest need not be decoded
    return errors


@contextmanager
def at_size(
    images: np.ndarray, folder: Path, names: list[str], scratch: Path, size: int, decoder: Decoder
) -> Iterator[np.ndarray]:
    """The pictures at another size, decoded again where they are not of it, for a `with` block.

    images: (n, side, side, 3) uint8 of the files that `folder` and `names` say; scratch: a file to
    write in between. Yields (n, size, size, 3) uint8; raises as `decoder`.
    """
    if images.shape[1] == size:
        yield images
        return
    try:
        decoder(folder, names, scratch, size)
        yield np.load(scratch, mmap_mode="r")
    finally:
        scratch.unlink(missing_ok=True)


def copy_rows(source: np.ndarray, rows: np.ndarray, target: Path, chunk: int = 1024) -> None:
    """Write `source[rows]` as a .npy file, a block at a time. rows: (m,) int."""
    out = new_file(target, source.dtype, (len(rows), *source.shape[1:]))
    for i in range(0, len(rows), chunk):
        out[i : i + chunk] = source[rows[i : i + chunk]]
    out.flush()


def drop_rows(path: Path, bad: set[int]) -> None:
    """Take rows out of a .npy file in place; whole or not at all."""
    if not bad:
        return
    array = np.load(path, mmap_mode="r")
    partial = path.with_suffix(".partial")
    copy_rows(array, np.array([i for i in range(len(array)) if i not in bad], int), partial)
    os.replace(partial, path)


def follow_parent() -> None:
    """In a worker process: end with the parent, for which Ctrl-C is, even if it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Else it would wait for its next task for ever: it holds the other end of that queue itself.
    Thread(target=_end_after, args=[parent_process()], daemon=True).start()


def _end_after(process: BaseProcess) -> None:
    process.join()
    os._exit(1)


def _decode_chunk(
    folder: Path, names: list[str], target: Path, first: int, size: int
) -> dict[int, PictureError]:
    rows = np.load(target, mmap_mode="r+")
    errors = {}
    for i, name in enumerate(names, first):
        try:
            rows[i] = decode(read(folder / name), size)
        except PictureError as error:
            errors[i] = error
    return errors
