"""optimizers: each moves the weights as its source says."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from steps.shared import networks
from steps.shared.optimizers import ADAM_SHARE, make_optimizer
from steps.shared.recipes import Recipe
from steps.shared.stage import StageError

RECIPE = Recipe(
    size=16,
    epochs=2,
    optimizer="muon",
    learning_rate=0.5,
    warmup_epochs=0,
    final_rate=1.0,
    weight_decay=0.0,
)


@pytest.fixture
def moved():
    """How far one step of Muon moves each weight of `cnn` whose gradients are random."""
    network = networks.build("cnn", 16, 3, RECIPE)
    rng = np.random.default_rng(0)
    gradients = [
        keras.ops.convert_to_tensor(
            (rng.choice([-1.0, 1.0], v.shape) * rng.uniform(1, 2, v.shape)).astype(np.float32)
        )
        for v in network.trainable_variables
    ]
    before = [v.numpy() for v in network.trainable_variables]
    make_optimizer(RECIPE, 10, network).apply(gradients, network.trainable_variables)
    return [
        (v, v.numpy() - old, g.numpy())
        for v, old, g in zip(network.trainable_variables, before, gradients, strict=True)
    ]


def test_muon_moves_a_convolution_equally_far_in_all_directions(moved):
    kernels = [(step, g) for v, step, g in moved if v.path.endswith("kernel") and g.ndim == 4]
    assert len(kernels) == 7
    for step, gradient in kernels:
        matrix = step.reshape(-1, step.shape[-1])
        inputs, outputs = matrix.shape
        lengths = np.linalg.svd(matrix, compute_uv=False) / max(1, outputs / inputs) ** 0.5
        # The five iterations end between 0.7 and 1.2 (Jordan et al. 2024); small matrices nearly.
        assert 0.5 * 0.6 < lengths.min() <= lengths.max() < 0.5 * 1.25
        assert (step * gradient).sum() < 0


@pytest.mark.parametrize("shape", [(3, 3, 8, 24), (1, 1, 8, 24)], ids=["tall", "wide"])
def test_muon_evens_a_kernel_out_as_keras_does(shape):
    rng = np.random.default_rng(0)
    left, _, right = np.linalg.svd(
        rng.normal(size=(np.prod(shape[:-1]), shape[-1])), full_matrices=False
    )
    lengths = np.geomspace(1, 1e-5, len(right))  # some directions are hardly there
    matrix = ((left * lengths) @ right).astype(np.float32)
    muon = make_optimizer(RECIPE, 10, networks.build("cnn", 16, 3, RECIPE))

    even = muon.zeropower_via_newtonschulz5(keras.ops.array(matrix.reshape(shape)), 5)

    inputs, outputs = matrix.shape
    keras_own = keras.optimizers.Muon().zeropower_via_newtonschulz5(keras.ops.array(matrix), 5)
    expected = np.asarray(keras_own) * max(1, outputs / inputs) ** 0.5
    np.testing.assert_allclose(np.reshape(even, matrix.shape), expected, atol=2e-3)


def test_what_is_no_convolution_is_moved_by_adam(moved):
    others = [(step, gradient) for _, step, gradient in moved if gradient.ndim != 4]
    assert len(others) == 16
    for step, gradient in others:  # the first step of Adam is the sign's
        np.testing.assert_allclose(step, -0.5 * ADAM_SHARE * np.sign(gradient), rtol=1e-3)


def test_only_kernels_decay():
    network = networks.build("cnn", 16, 3, RECIPE)
    before = [v.numpy() for v in network.trainable_variables]
    optimizer = make_optimizer(replace(RECIPE, weight_decay=0.2), 10, network)
    still = [keras.ops.zeros_like(v) for v in network.trainable_variables]
    optimizer.apply(still, network.trainable_variables)

    for variable, old in zip(network.trainable_variables, before, strict=True):
        kept = 0.9 if variable.path.endswith("kernel") else 1.0
        np.testing.assert_allclose(variable.numpy(), kept * old, rtol=1e-4, atol=1e-6)


def test_an_unknown_optimizer_is_named_beside_those_there_are():
    with pytest.raises(StageError, match="adagrad is unknown; there are: sgd, adamw, muon"):
        make_optimizer(
            replace(RECIPE, optimizer="adagrad"), 10, networks.build("cnn", 16, 3, RECIPE)
        )
