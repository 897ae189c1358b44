"""Random changes of a training batch, in the graph, that leave the category as it is.

All randomness is stateless: the same seed gives the same batch again, so that a training that was
killed and resumed sees what an uninterrupted one would have seen.
"""

import tensorflow as tf

from steps.shared.recipes import Augmentation


def augment(images: tf.Tensor, seed: tf.Tensor, how: Augmentation, size: int) -> tf.Tensor:
    """Change a whole batch at once.

    images: (n, side, side, 3) uint8. seed: (2,) int32. Returns (n, size, size, 3) float32 in
    [0, 255]; with a size below the side, pictures come out smaller in the same resampling.
    """
    seeds = tf.random.split(seed, 4)
    pictures = _warp(tf.cast(images, tf.float32), seeds[0], how, size)
    if how.blur:
        pictures = _blur(pictures, seeds[3], how.blur)
    pictures = _recolour(pictures, seeds[1], how)
    if how.erase:
        pictures = _erase(pictures, seeds[2], how.erase)
    return pictures


def _uniform(seed: tf.Tensor, n: tf.Tensor, draws: int, widest: float = 1.0) -> list[tf.Tensor]:
    values = tf.random.stateless_uniform((n, draws), seed, -widest, widest)
    return tf.unstack(values, axis=1)


def _warp(pictures: tf.Tensor, seed: tf.Tensor, how: Augmentation, size: int) -> tf.Tensor:
    """Rotate, shift, shear, zoom, stretch and flip: one matrix and so one resampling a picture."""
    n, side = tf.shape(pictures)[0], tf.cast(tf.shape(pictures)[1], tf.float32)
    turn, shear_x, shear_y, dx, dy, zoom, stretch, mirror = _uniform(seed, n, 8)
    turn *= how.rotation * 3.14159265 / 180
    shear_x, shear_y = (tf.tan(s * how.shear * 3.14159265 / 180) for s in (shear_x, shear_y))
    scale = 1.0 + how.zoom * (zoom - 1) / 2 + 0.1 * tf.nn.relu(zoom) * float(how.zoom > 0)
    stretch = tf.exp(stretch * how.aspect / 2)
    mirror = tf.where(mirror < 0, -1.0, 1.0) if how.flip else tf.ones_like(mirror)
    cos, sin = tf.cos(turn), tf.sin(turn)
    # Output to input coordinates: rotation × shear × (zoom, stretch, mirror).
    a = (cos - sin * shear_y) * scale * stretch * mirror
    b = (cos * shear_x - sin) * scale / stretch
    c = (sin + cos * shear_y) * scale * stretch * mirror
    d = (sin * shear_x + cos) * scale / stretch
    # A crop may fall anywhere within the picture: what zoom cuts away is room to move.
    room = how.shift + tf.nn.relu(1 - scale) / 2
    a, b, c, d = (term * (side / size) for term in (a, b, c, d))
    middle = (size - 1) / 2
    tx = (side - 1) / 2 + dx * room * side - (a + b) * middle
    ty = (side - 1) / 2 + dy * room * side - (c + d) * middle
    zero = tf.zeros_like(a)
    matrices = tf.stack([a, b, tx, c, d, ty, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=matrices,
        output_shape=(size, size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _blur(pictures: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    """Take away detail, as where a thumbnail of 64 pixels or fewer was drawn large."""
    n, side = tf.shape(pictures)[0], pictures.shape[1]
    draw, share = ((u + 1) / 2 for u in _uniform(seed, n, 2))
    grain = max(2, side // 64)
    coarse = tf.image.resize(tf.nn.avg_pool2d(pictures, grain, grain, "SAME"), (side, side))
    share = tf.where(draw < chance, share, 0.0)[:, None, None, None]
    return pictures + share * (coarse - pictures)


def _recolour(pictures: tf.Tensor, seed: tf.Tensor, how: Augmentation) -> tf.Tensor:
    n = tf.shape(pictures)[0]
    bright, contrast, saturate, hue = (d[:, None, None, None] for d in _uniform(seed, n, 4))
    if how.hue:
        pictures = _turn_hue(pictures, hue * how.hue * 2 * 3.14159265)
    grey = tf.reduce_mean(pictures, axis=3, keepdims=True)
    mean = tf.reduce_mean(grey, axis=(1, 2), keepdims=True)
    pictures = grey + (pictures - grey) * (1 + how.colour * saturate)
    pictures = mean + (pictures - mean) * (1 + how.colour * contrast)
    return tf.clip_by_value(pictures * (1 + how.colour * bright), 0.0, 255.0)


def _turn_hue(pictures: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotate colours about the grey axis by `angle` in radians (Rodrigues' formula)."""
    cos, sin = tf.cos(angle), tf.sin(angle)
    grey = tf.reduce_mean(pictures, axis=3, keepdims=True)
    red, green, blue = tf.split(pictures, 3, axis=3)
    across = tf.concat([blue - green, red - blue, green - red], axis=3) / 3**0.5
    return grey * (1 - cos) + pictures * cos + across * sin


def _erase(pictures: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    """Paint a rectangle of 10 % to 45 % of each side grey (Zhong et al. 2020)."""
    n, side = tf.shape(pictures)[0], tf.shape(pictures)[1]
    x, y, width, height, draw = ((u + 1) / 2 for u in _uniform(seed, n, 5))
    axis = tf.cast(tf.range(side), tf.float32) / tf.cast(side, tf.float32)

    def inside(centre: tf.Tensor, extent: tf.Tensor) -> tf.Tensor:
        half = (0.1 + 0.35 * extent) / 2
        return tf.abs(axis[None] - centre[:, None]) < half[:, None]

    hidden = inside(y, height)[:, :, None] & inside(x, width)[:, None, :]
    hidden &= (draw < chance)[:, None, None]
    return tf.where(hidden[..., None], 127.0, pictures)
