"""Which copies of a photograph dataprep recognises as the same picture.

python -m benchmarks.duplicates [--photos FOLDER]
"""

import argparse
import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from benchmarks import results
from steps.served_model.pictures import decode
from steps.shared.fingerprints import SAME, SIZE, fingerprints, similar_pairs

COUNT = 300


def cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    """Cuts a share of the side away, half of it on each."""

    def crop(picture: Image.Image) -> Image.Image:
        x, y = (round(side * share / 2) for side in picture.size)
        return picture.crop((x, y, picture.width - x, picture.height - y))

    return crop


def turned(degrees: float) -> Callable[[Image.Image], Image.Image]:
    """Turns about the middle, corners filled with black, as most tools do."""
    return lambda picture: picture.rotate(degrees, Image.Resampling.BICUBIC)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda picture: picture.reduce(2),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "grey": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
    "brighter by half": lambda picture: picture.point(lambda value: min(255, value * 3 // 2)),
    **{f"cropped by {share:.0%}": cropped(share) for share in (0.05, 0.1, 0.2)},
    **{f"turned by {degrees} degrees": turned(degrees) for degrees in (2, 5, 15)},
}


def encoded(picture: Image.Image, quality: int = 90) -> bytes:
    """As a JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def recognised(photos: list[Image.Image], copies: list[bytes]) -> float:
    """The share of the copies, one a photograph, that are the same picture to dataprep."""
    n = len(photos)
    pixels = [decode(data, SIZE) for data in [*(encoded(photo) for photo in photos), *copies]]
    pairs = similar_pairs(fingerprints(np.stack(pixels)))
    found = {
        (int(i), int(j)) for rows, columns in pairs for i, j in zip(rows, columns, strict=True)
    }
    return sum((i, n + i) in found for i in range(n)) / n


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--photos", type=results.photographs, default=results.PHOTOS, help="category/*.jpg"
    )
    args = parser.parse_args()
    paths = sorted(args.photos.glob("*/*.jpg"))
    photos = [Image.open(path).convert("RGB") for path in paths[:: max(len(paths) // COUNT, 1)]]
    shares = {"JPEG of quality 30": recognised(photos, [encoded(one, 30) for one in photos])}
    for name, change in COPIES.items():
        shares[name] = recognised(photos, [encoded(change(photo)) for photo in photos])
    shares = {name: round(share, 3) for name, share in shares.items()}
    results.write("duplicates", {"pictures": len(photos), "least_cosine": SAME, "found": shares})


if __name__ == "__main__":
    main()
