"""What the camera does to light: exposure, blur, noise, and the step to 8 bits."""

import numpy as np
from PIL import Image, ImageFilter

from steps.sample.arrays import Array
from steps.sample.colour import encode
from steps.sample.noise import grain


def photograph(radiance: Array, rng: np.random.Generator) -> Image.Image:
    """An RGB picture of linear radiance (3, h, w), exposed to within a third of a stop or so."""
    exposure = 2.0 ** float(np.clip(rng.normal(0, 0.22), -0.5, 0.4))
    encoded = encode(radiance * np.float32(exposure))
    encoded += grain(encoded.shape, rng) * np.float32(rng.uniform(0.002, 0.022))
    pixels = (np.clip(encoded, 0, 1) * 255 + 0.5).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(np.moveaxis(pixels, 0, 2)))
    # One in eight is out of focus; `blur` is in pixels of a picture 192 wide.
    blur = rng.uniform(0.4, 0.85) if rng.random() < 7 / 8 else rng.uniform(1.0, 1.8)
    return image.filter(ImageFilter.GaussianBlur(blur * image.width / 192))
