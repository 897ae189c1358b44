"""What tune, and a sweep on Azure, search: the range of each value of a recipe, and its flag."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna

from steps.shared.recipes import Recipe

DIGITS = 3
"""Significant digits of a value: what is tried is exactly what the printed flags say."""


@dataclass(frozen=True)
class Range:
    """Where one value is looked for. `name` is an option of train and of main."""

    name: str
    low: float
    high: float
    log: bool = False
    """draw evenly in the logarithm"""


FACTORS = {"learning_rate": 4.0, "weight_decay": 5.0}
"""These depend on optimiser, batch and length, so they are searched around the recipe's own value:
down to it divided by the factor, up to it times the factor."""

SHARES = (
    Range("label_smoothing", 0.0, 0.2),  # 0.1 in Szegedy et al. 2016
    Range("mixup", 0.0, 0.4),  # 0.1 to 0.4 in Zhang et al. 2018, for natural pictures
    Range("cutmix", 0.0, 0.6),  # 0.5 in Yun et al. 2019
    Range("dropout", 0.0, 0.5),  # 0.5 in Srivastava et al. 2014, and less in narrow networks
    Range("augmentation_strength", 0.5, 1.6),  # 1 is the recipe's own, see training.strengthen
)


def ranges(recipe: Recipe, taught: bool) -> list[Range]:
    """What can be searched for a recipe; each range holds the recipe's own value.

    taught: it learns from a teacher's answers, which replace the labels and so their smoothing.
    """
    found = [
        Range(name, own / factor, own * factor, log=True)
        for name, factor in FACTORS.items()
        if (own := getattr(recipe, name)) > 0
    ]
    own_values = own_of(recipe)
    for each in SHARES:
        if not (taught and each.name == "label_smoothing"):
            own = own_values[each.name]
            found.append(Range(each.name, min(each.low, own), max(each.high, own)))
    return found


def own_of(recipe: Recipe) -> dict[str, float]:
    """The recipe's own value of everything that can be searched."""
    names = [*FACTORS, *(each.name for each in SHARES)]
    return {name: getattr(recipe, name, 1.0) for name in names}


def draw(trial: optuna.Trial, searched: Sequence[Range]) -> dict[str, float]:
    """A trial's values by name, rounded to DIGITS."""
    values = {r.name: trial.suggest_float(r.name, r.low, r.high, log=r.log) for r in searched}
    return {name: rounded(value) for name, value in values.items()}


def choices(searched: Range, own: float) -> list[float]:
    """A few of a range's values, rounded: the recipe's own and halfway from it to either end.

    For a search of few trials that learns nothing from them: it would waste many at the ends.
    """
    ends = (searched.low, searched.high)
    halfway = [math.sqrt(own * end) if searched.log else (own + end) / 2 for end in ends]
    return sorted({rounded(value) for value in (own, *halfway)})


def rounded(value: float) -> float:
    """The value with DIGITS significant digits."""
    return float(f"{value:.{DIGITS}g}")


def flags(values: Mapping[str, float]) -> str:
    """The values as they are typed after `python -m steps.train`, or steps.main."""
    return " ".join(f"--{name.replace('_', '-')} {value:g}" for name, value in values.items())


def parameters(values: Mapping[str, float]) -> str:
    """The values as they are typed after `mlflow run .`."""
    return " ".join(f"-P {name}={value:g}" for name, value in values.items())
