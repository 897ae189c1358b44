"""How each network is trained unless a flag says otherwise; what measured best on validation."""

from dataclasses import dataclass, field

from steps.shared.stage import StageError


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are changed. Each value is the widest change; 0 switches it off."""

    rotation: float = 20.0
    """degrees either way"""
    shift: float = 0.1
    """share of the side, either way, both axes"""
    shear: float = 8.0
    """degrees either way, both axes"""
    zoom: float = 0.35
    """longest crop edge cut away, as a share: 0.35 shows between 65 % and 110 % of a side"""
    aspect: float = 0.15
    """natural logarithm of the stretch, either way"""
    flip: bool = True
    """mirror left to right, half of the pictures"""
    colour: float = 0.3
    """brightness, contrast and saturation, share either way"""
    hue: float = 0.05
    """turn of the hue, share of a full turn either way"""
    erase: float = 0.0
    """chance that a random rectangle is painted over"""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on besides its pictures, its precision and its seed."""

    size: int
    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.05
    final_rate: float = 0.002
    """learning rate at the end, as a share of `learning_rate`"""
    warmup_epochs: float = 2.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    dropout: float = 0.3
    head: str = "average"
    weight_average: float = 0.99
    """momentum of the running average of the weights; 0 switches it off"""
    growth: tuple[float, ...] = (1.0,)
    """shares of the size to train at, each for an equal part of the epochs, smallest first:
    early epochs on small pictures cost little (progressive resizing, Howard 2018)"""
    augmentation: Augmentation = field(default_factory=Augmentation)


RECIPES = {
    "cnn": Recipe(
        size=64,
        epochs=80,
        learning_rate=0.1,
        final_rate=0.03,
        weight_decay=6e-4,
        dropout=0.1,
        weight_average=0.995,
        growth=(0.625, 0.75, 1.0),
        augmentation=Augmentation(
            rotation=20.0, shift=0.05, shear=8.0, zoom=0.45, colour=0.3, hue=0.04, erase=0.15
        ),
    ),
}


def find(network: str) -> Recipe:
    """The recipe of a network. Raises StageError where there is no such network."""
    if network not in RECIPES:
        raise StageError(f"--network {network} is unknown; there are: {', '.join(RECIPES)}.")
    return RECIPES[network]
