"""Mixed pictures: every label's share is its picture's share."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from steps.shared.mixing import cutmix, mix, mixup
from steps.shared.recipes import Recipe

N, SIDE = 12, 64


@pytest.fixture
def batch():
    """Picture i is all of value i, and its label is i."""
    values = np.arange(N, dtype=np.float32)
    pictures = np.broadcast_to(values[:, None, None, None], (N, SIDE, SIDE, 3))
    return tf.constant(pictures), tf.eye(N)


@pytest.mark.parametrize("kind", [cutmix, lambda *given: mixup(*given, 0.5)])
def test_labels_follow_the_share_of_each_picture(batch, kind):
    pictures, targets = (mixed.numpy() for mixed in kind(*batch, tf.constant([1, 2])))

    np.testing.assert_allclose(targets.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(pictures.mean(axis=(1, 2, 3)), targets @ np.arange(N), atol=1e-3)
    assert (targets.max(axis=1) < 0.99).any()


def test_a_mixed_up_picture_keeps_the_larger_part_of_itself(batch):
    targets = mixup(*batch, tf.constant([3, 4]), 1.0)[1].numpy()

    assert (np.diag(targets) >= 0.5).all()


def test_a_recipe_that_mixes_nothing_leaves_a_batch_as_it_is(batch):
    pictures, targets = mix(*batch, tf.constant([1, 2]), Recipe(64, 1))

    assert pictures is batch[0]
    assert targets is batch[1]


def test_cutmix_takes_its_share_of_the_batches(batch):
    recipe = replace(Recipe(64, 1), cutmix=0.25)

    changed = [
        not np.allclose(mix(*batch, tf.constant([5, step]), recipe)[1], batch[1])
        for step in range(120)
    ]

    assert 0.12 < np.mean(changed) < 0.4
