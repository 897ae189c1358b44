"""How each network is trained unless a flag says otherwise; what measured best on validation."""

from dataclasses import dataclass, field, replace

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
    blur: float = 0.0
    """chance that a picture loses detail"""
    erase: float = 0.0
    """chance that a random rectangle is painted over"""


@dataclass(frozen=True)
class Recipe:
    """Everything that a training depends on besides its pictures, its precision and its seed."""

    size: int
    epochs: int
    max_minutes: float = 0.0
    """fewer epochs where a machine would take longer for all of them (see pace.py); 0: all"""
    batch_size: int = 64
    optimizer: str = "sgd"
    """sgd (with Nesterov's momentum), adamw, or muon (convolutions by Muon, the rest by AdamW)"""
    learning_rate: float = 0.1
    final_rate: float = 0.03
    """learning rate at the end, as a share of `learning_rate`"""
    warmup_epochs: float = 2.0
    weight_decay: float = 5e-3
    """decoupled (Loshchilov and Hutter 2019): the share of each kernel that is taken away in a
    step, for a learning rate of 1"""
    label_smoothing: float = 0.1
    strangers: float = 1 / 16
    """share of each batch that shows none of the categories, to be answered with the same
    probability for all of them (outlier exposure, Hendrycks et al. 2019)"""
    mixup: float = 0.0
    """alpha of mixup (Zhang et al. 2018); 0 switches it off"""
    cutmix: float = 0.0
    """share of the batches in which boxes of pictures change places (Yun et al. 2019)"""
    dropout: float = 0.1
    stochastic_depth: float = 0.0
    """chance that the last block of EfficientNet-Lite is left out for a picture; the first never
    is, those between in proportion (Huang et al. 2016)"""
    head: str = "average"
    weight_average: float = 0.995
    """momentum of the running average of the weights; 0 switches it off"""
    growth: tuple[float, ...] = (1.0,)
    """shares of the size to train at, each for an equal part of the epochs, smallest first:
    early epochs on small pictures cost little (progressive resizing, Howard 2018)"""
    pretrained: bool = False
    """start from weights learned on ImageNet, the head fitted to frozen features first"""
    drawings: float = 0.0
    """passes over drawn balls before the first photograph (see pretraining.py), as a share of
    `epochs`"""
    drawings_a_step: int | None = None
    """where fewer photographs than a batch made that smaller: the batch of drawings; None: it is
    as large as that of photographs"""
    frozen_blocks: int = 0
    """how many of the first blocks keep their pretrained weights"""
    teacher: str = "none"
    """the network to learn from instead of from the labels, trained first with its own recipe"""
    quantized: bool = False
    """served in 8-bit integers: half the time, at a small loss that evaluate measures"""
    mirror: bool = False
    """served with the mean of a picture and its mirror image: a little better, twice the time"""
    augmentation: Augmentation = field(default_factory=Augmentation)

    def side(self, epoch: int) -> int:
        """The side in pixels of the pictures in an epoch, counted from 0."""
        share = self.growth[min(len(self.growth) * epoch // self.epochs, len(self.growth) - 1)]
        return round(self.size * share)

    @property
    def drawn_epochs(self) -> int:
        """How many passes over drawn balls come first: none in a short trial."""
        return int(self.drawings * self.epochs)

    @property
    def strangers_a_batch(self) -> int:
        """How many of a batch's pictures are strangers."""
        return round(self.strangers * self.batch_size)


STRONG = Augmentation(
    rotation=20.0, shift=0.05, shear=8.0, zoom=0.6, colour=0.4, hue=0.06, erase=0.15
)

TRANSFER = Recipe(
    size=224,
    epochs=10,
    batch_size=32,
    optimizer="adamw",
    learning_rate=2e-4,
    final_rate=0.02,
    warmup_epochs=1.0,
    weight_decay=0.05,
    mixup=0.1,
    cutmix=0.3,
    dropout=0.2,
    weight_average=0.998,
    pretrained=True,
    frozen_blocks=3,
    augmentation=Augmentation(
        rotation=15.0,
        shift=0.05,
        shear=5.0,
        zoom=0.5,
        colour=0.3,
        hue=0.03,
        blur=0.25,
        erase=0.15,
    ),
)

LITE = replace(TRANSFER, size=256, stochastic_depth=0.1, growth=(5 / 8, 6 / 8, 7 / 8))

RECIPES = {
    "cnn": Recipe(
        size=80,
        epochs=110,
        max_minutes=60,
        optimizer="muon",
        learning_rate=0.02,
        weight_decay=0.1,
        growth=(0.5, 0.6, 0.8),
        drawings=0.05,
        quantized=True,
        augmentation=STRONG,
    ),
    "resnet": Recipe(
        size=96,
        epochs=150,
        max_minutes=60,
        batch_size=128,
        optimizer="muon",
        learning_rate=0.04,
        weight_decay=0.06,
        weight_average=0.996,
        mixup=0.1,
        cutmix=0.5,
        growth=(5 / 12, 6 / 12, 7 / 12),
        drawings=0.04,
        mirror=True,
        augmentation=STRONG,
    ),
    "efficientnet_lite0": replace(LITE, epochs=24, max_minutes=60),
    "efficientnet_lite2": replace(LITE, epochs=28, max_minutes=100, dropout=0.3, mirror=True),
    "student": replace(
        TRANSFER,
        size=128,
        epochs=24,
        max_minutes=60,
        learning_rate=3e-4,
        growth=LITE.growth,
        teacher="efficientnet_lite0",
        quantized=True,
    ),
}
"""Pictures are trained on smaller than they are served: a random crop shows things larger than the
whole picture does (Touvron et al. 2019), and the larger, the more of a side `zoom` cuts away."""


APPLICATIONS = frozenset(
    [
        "convnextbase",
        "convnextlarge",
        "convnextsmall",
        "convnexttiny",
        "convnextxlarge",
        "densenet121",
        "densenet169",
        "densenet201",
        "efficientnetb0",
        "efficientnetb1",
        "efficientnetb2",
        "efficientnetb3",
        "efficientnetb4",
        "efficientnetb5",
        "efficientnetb6",
        "efficientnetb7",
        "efficientnetv2b0",
        "efficientnetv2b1",
        "efficientnetv2b2",
        "efficientnetv2b3",
        "efficientnetv2l",
        "efficientnetv2m",
        "efficientnetv2s",
        "inceptionresnetv2",
        "inceptionv3",
        "mobilenet",
        "mobilenetv2",
        "mobilenetv3large",
        "mobilenetv3small",
        "nasnetlarge",
        "nasnetmobile",
        "resnet101",
        "resnet101v2",
        "resnet152",
        "resnet152v2",
        "resnet50",
        "resnet50v2",
        "vgg16",
        "vgg19",
        "xception",
    ]
)
"""The networks of keras.applications, in lower case; listed, since to ask Keras takes seconds."""


def find(network: str) -> Recipe:
    """The recipe of a network; for one of keras.applications the general one for transfer.

    Raises StageError where there is no such network.
    """
    if network not in RECIPES and network not in APPLICATIONS:
        raise StageError(
            f"--network {network} is unknown; there are: {', '.join(RECIPES)}, and any of "
            "keras.applications, in lower case."
        )
    return RECIPES.get(network, TRANSFER)
