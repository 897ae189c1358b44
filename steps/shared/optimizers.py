"""How a network's weights follow their gradients."""

import math

import keras
from keras import ops

from steps.shared.recipes import Recipe
from steps.shared.schedules import WarmUpThenCosine
from steps.shared.stage import StageError

ADAM_SHARE = 0.1
"""Of Muon's learning rate, what a bias, a scale or the last layer gets, which AdamW moves."""


class Muon(keras.optimizers.Muon):
    """Keras' Muon, which moves dense layers only, for kernels of convolutions.

    Each step has the same length in all directions of a kernel's matrix, (height × width × inputs,
    outputs), so that rare directions are learned as soon as common ones (Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon, where the factor for wide kernels is from too).
    """

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return len(variable.shape) != 4

    def zeropower_via_newtonschulz5(self, x: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        """About the nearest orthogonal matrix, as Keras finds it, with less than half of the
        multiply-adds.

        Each pass is `matrix @ polynomial(gram)`, where gram is `matrix.T @ matrix`. The polynomials
        of one gram commute, so they are multiplied first, and the large matrix only once. In
        float32: small singular values, squared, would drown in the rounding of bfloat16.
        """
        inputs, outputs = math.prod(x.shape[:-1]), x.shape[-1]
        matrix = ops.reshape(ops.cast(x, "float32"), (inputs, outputs))
        if inputs < outputs:
            matrix = ops.transpose(matrix)
        matrix = matrix / (ops.norm(matrix) + 1e-7)  # no singular value above 1
        even = matrix @ self._towards_one(ops.transpose(matrix) @ matrix, steps)
        if inputs < outputs:
            even = ops.transpose(even)
        return ops.reshape(even, x.shape) * max(1.0, outputs / inputs) ** 0.5

    def _towards_one(self, gram: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        """(n, n): what a matrix is multiplied by to have all singular values near 1.

        gram: (n, n) float32, the inner products of the matrix's columns.
        """
        identity = product = ops.eye(gram.shape[0])
        for _ in range(steps):
            polynomial = self.muon_a * identity + gram @ (
                self.muon_b * identity + self.muon_c * gram
            )
            product = product @ polynomial
            gram = gram @ polynomial @ polynomial
        return product


def make_optimizer(recipe: Recipe, steps: int, network: keras.Model) -> keras.optimizers.Optimizer:
    """The recipe's optimiser, built for the network; steps: an epoch's. Raises StageError."""
    rate = WarmUpThenCosine(
        recipe.learning_rate,
        recipe.final_rate,
        int(recipe.warmup_epochs * steps),
        recipe.epochs * steps,
    )
    decay = recipe.weight_decay
    kinds = {
        "sgd": lambda: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=decay),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=decay),
        "muon": lambda: Muon(
            rate,
            weight_decay=decay,
            adam_weight_decay=decay,
            adam_lr_ratio=ADAM_SHARE,
            rms_rate=None,
        ),
    }
    if recipe.optimizer not in kinds:
        names = ", ".join(kinds)
        raise StageError(f"--optimizer {recipe.optimizer} is unknown; there are: {names}.")
    optimizer = kinds[recipe.optimizer]()
    # Pulling a normalisation's scale or a bias to 0 helps nobody.
    variables = network.trainable_variables
    optimizer.exclude_from_weight_decay(
        [variable for variable in variables if not variable.path.endswith("kernel")]
    )
    optimizer.build(variables)
    return optimizer
