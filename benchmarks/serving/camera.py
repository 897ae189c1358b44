"""Pictures as cameras make them, 20 KB to 3 MB, and how quickly the decoder alone reads them.

python -m benchmarks.serving.camera --out work/camera
python -m benchmarks.serving --source work/camera --name serving_camera --model …

Photographs are enlarged to between 0.1 and 12 megapixels, with a sensor's noise, and encoded anew.
"""

import argparse
import io
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks import results
from benchmarks.dataprep import decoder_only, ours, pictures_a_second
from benchmarks.serving.__main__ import photographs

COUNT = 60
LEAST_BYTES, MOST_BYTES = 20_000, 3_000_000
MEGAPIXELS = (0.1, 12.0)
NOISE = 4.0
"""Standard deviation, of 255."""


def enlarge(job: tuple[Path, float, Path]) -> None:
    """Write one picture of so many megapixels, with no more bytes than are wanted."""
    source, megapixels, target = job
    with Image.open(source) as opened:
        small = opened.convert("RGB")
    scale = (megapixels * 1e6 / (small.width * small.height)) ** 0.5
    large = np.asarray(small.resize((round(small.width * scale), round(small.height * scale))))
    grain = np.random.default_rng(len(str(target))).normal(0, NOISE, large.shape[:2])
    noisy = Image.fromarray(np.clip(large + grain[..., None], 0, 255).astype(np.uint8))
    for quality in range(90, 20, -10):
        encoded = io.BytesIO()
        noisy.save(encoded, "JPEG", quality=quality)
        if encoded.tell() <= MOST_BYTES:
            break
    target.write_bytes(encoded.getvalue())


def make(source: Path, folder: Path) -> list[str]:
    """The pictures, sizes spread evenly over the logarithm of the megapixels; their names."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = np.geomspace(*MEGAPIXELS, COUNT)
    jobs = [
        (path, float(size), folder / f"{number:03}.jpg")
        for number, (path, size) in enumerate(zip(photographs(source, COUNT), sizes, strict=True))
    ]
    missing = [job for job in jobs if not job[2].exists()]
    with ProcessPoolExecutor() as pool:
        list(tqdm(pool.map(enlarge, missing), total=len(missing), unit="picture"))
    return [target.name for _, _, target in jobs if target.stat().st_size >= LEAST_BYTES]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("work/camera"))
    parser.add_argument("--source", type=Path, default=results.PHOTOS)
    args = parser.parse_args()
    names = make(args.source, args.out)
    speed: Callable = partial(pictures_a_second, folder=args.out, names=names * 5)
    sizes = sorted((args.out / name).stat().st_size for name in names)
    results.write(
        "camera",
        {
            "pictures": len(names),
            "kilobytes": [round(sizes[i] / 1000) for i in (0, len(sizes) // 2, -1)],
            "decoder_only_pictures_per_second": round(speed(decoder_only)),
            "decode_pictures_per_second": round(speed(ours)),
        },
    )


if __name__ == "__main__":
    main()
