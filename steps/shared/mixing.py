"""Makes new training pictures, with their labels, out of pairs of old ones."""

import tensorflow as tf

from steps.shared.recipes import Recipe


def mix(
    pictures: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, recipe: Recipe
) -> tuple[tf.Tensor, tf.Tensor]:
    """CutMix a share of the batches as `recipe` says, and mix up the others.

    pictures: (n, side, side, 3) float32; targets: (n, categories) float32; seed: (2,) int32.
    Returns both, as they were where the recipe mixes nothing.
    """
    seeds = tf.random.split(seed, 2)

    def others() -> tuple[tf.Tensor, tf.Tensor]:
        if not recipe.mixup:
            return pictures, targets
        return mixup(pictures, targets, seeds[0], recipe.mixup)

    if not recipe.cutmix:
        return others()
    cut = tf.random.stateless_uniform((), seeds[1]) < recipe.cutmix
    return tf.cond(cut, lambda: cutmix(pictures, targets, seeds[0]), others)


def mixup(
    pictures: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Lay pairs of pictures over each other (Zhang et al. 2018); a share a picture, Beta(α, α)."""
    n = tf.shape(pictures)[0]
    gammas = tf.random.stateless_gamma((n, 2), seed, alpha)
    # Small alphas draw gammas that vanish in float32.
    share = tf.reduce_max(gammas, axis=1) / tf.maximum(tf.reduce_sum(gammas, axis=1), 1e-20)
    share = tf.maximum(share, 0.5)
    across, wide = share[:, None], share[:, None, None, None]
    return (
        wide * pictures + (1 - wide) * pictures[::-1],
        across * targets + (1 - across) * targets[::-1],
    )


def cutmix(pictures: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Paste a box of one picture into another (Yun et al. 2019), of any area up to the whole.

    One box a picture, wholly inside; labels by the share of area, which is uniform in [0, 1).
    """
    n, side = tf.shape(pictures)[0], tf.shape(pictures)[1]
    area, top, left = tf.unstack(tf.random.stateless_uniform((n, 3), seed), axis=1)
    length = tf.sqrt(area)
    places = (tf.range(side, dtype=tf.float32) + 0.5) / tf.cast(side, tf.float32)

    def inside(start: tf.Tensor) -> tf.Tensor:
        start = (start * (1 - length))[:, None]
        return (places >= start) & (places < start + length[:, None])

    box = inside(top)[:, :, None] & inside(left)[:, None, :]
    share = tf.reduce_mean(tf.cast(box, tf.float32), axis=(1, 2))[:, None]
    return (
        tf.where(box[..., None], pictures[::-1], pictures),
        (1 - share) * targets + share * targets[::-1],
    )
