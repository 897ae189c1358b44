"""Pictures a second of dataprep's decoding, beside the plain way and the decoder's own limit.

python -m benchmarks.dataprep [--photos FOLDER] [--most 100000]
"""

import argparse
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import psutil
from PIL import Image

from benchmarks import results
from steps.shared import arrays

SIZE = 64
REPEATS = 3


def plain_loop(folder: Path, names: list[str], out: Path) -> None:
    """What a first script does: open, convert, resize, save; one process."""
    for number, name in enumerate(names):
        with Image.open(folder / name) as picture:
            small = picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        small.save(out / f"{number}.jpg")


def decoder_only(folder: Path, names: list[str], out: Path) -> None:
    """The limit: libjpeg decodes at the scale that dataprep asks for, over all cores; no more."""
    chunks = [names[i : i + arrays.CHUNK] for i in range(0, len(names), arrays.CHUNK)]
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_decode_all, folder), chunks))


def _decode_all(folder: Path, names: list[str]) -> None:
    for name in names:
        picture = Image.open(io.BytesIO((folder / name).read_bytes()), formats=["JPEG"])
        picture.draft(None, (SIZE, SIZE))
        picture.load()


def ours(folder: Path, names: list[str], out: Path) -> None:
    """dataprep's way: draft decoding, one memory-mapped array, all cores."""
    arrays.decode_files(folder, names, out / "images.npy", SIZE)


def pictures_a_second(
    way: Callable[[Path, list[str], Path], None], folder: Path, names: list[str]
) -> float:
    """The best of a few repeats: what else the machine does only ever slows it down."""
    best = float("inf")
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as scratch:
            start = time.perf_counter()
            way(folder, names, Path(scratch))
            best = min(best, time.perf_counter() - start)
    return len(names) / best


def peak_memory(folder: Path, names: list[str]) -> float:
    """Most private memory, in MB, of this process and its decoders together."""
    me, peak, done = psutil.Process(), 0.0, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.05):
            total = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    memory = process.memory_info()
                    total += memory.rss - memory.shared
                except psutil.NoSuchProcess:
                    continue
            peak = max(peak, total / 1e6)

    watcher = threading.Thread(target=sample)
    with tempfile.TemporaryDirectory() as scratch:
        watcher.start()
        ours(folder, names, Path(scratch))
        done.set()
        watcher.join()
    return peak


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--photos", type=results.photographs, default=results.PHOTOS, help="category/*.jpg"
    )
    parser.add_argument("--most", type=int, default=100_000, help="pictures for the memory curve")
    args = parser.parse_args()
    names = sorted(p.relative_to(args.photos).as_posix() for p in args.photos.glob("*/*.jpg"))
    speeds = {
        "plain_loop": pictures_a_second(plain_loop, args.photos, names),
        "dataprep": pictures_a_second(ours, args.photos, names),
        "decoder_only_all_cores": pictures_a_second(decoder_only, args.photos, names),
    }
    memory = {}
    for n in (1_000, 10_000, args.most):
        many = (names * (n // len(names) + 1))[:n]
        memory[str(n)] = round(peak_memory(args.photos, many))
    results.write(
        "dataprep",
        {
            "pictures": len(names),
            "size": SIZE,
            "pictures_a_second": {k: round(v) for k, v in speeds.items()},
            "times_the_plain_loop": round(speeds["dataprep"] / speeds["plain_loop"], 2),
            "share_of_the_decoder": round(speeds["dataprep"] / speeds["decoder_only_all_cores"], 2),
            "peak_private_memory_mb": memory,
            "cores": os.cpu_count(),
        },
        results.whole(parser, args, "most"),
    )


if __name__ == "__main__":
    main()
