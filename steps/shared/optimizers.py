"""How a network's weights follow their gradients."""

import keras

from steps.shared.recipes import Recipe
from steps.shared.schedules import WarmUpThenCosine
from steps.shared.stage import StageError


def make_optimizer(recipe: Recipe, steps: int, network: keras.Model) -> keras.optimizers.Optimizer:
    """The recipe's optimiser, built for the network; steps: an epoch's. Raises StageError."""
    rate = WarmUpThenCosine(
        recipe.learning_rate,
        recipe.final_rate,
        int(recipe.warmup_epochs * steps),
        recipe.epochs * steps,
    )
    kinds = {
        "sgd": lambda: keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
        ),
        "adamw": lambda: keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay),
    }
    if recipe.optimizer not in kinds:
        raise StageError(f"--optimizer {recipe.optimizer} is unknown; there are: sgd, adamw.")
    optimizer = kinds[recipe.optimizer]()
    # Pulling a normalisation's scale or a bias to 0 helps nobody.
    variables = network.trainable_variables
    optimizer.exclude_from_weight_decay(
        [variable for variable in variables if not variable.path.endswith("kernel")]
    )
    optimizer.build(variables)
    return optimizer
