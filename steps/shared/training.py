"""What a training begins with, whoever starts it: its pictures, recipe, teacher and weights."""

from argparse import Namespace
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import keras
import numpy as np

from steps.shared import calibration, devices, networks, recipes, registry, stage
from steps.shared import teacher as teachers
from steps.shared.cluster import ONE, Workers
from steps.shared.recipes import Augmentation, Recipe
from steps.shared.sources import source_digest
from steps.shared.stage import StageError
from steps.shared.strangers import to_learn_from
from steps.shared.table import read_table
from steps.shared.teacher import Teacher
from steps.shared.trainer import Trainer

WIDEST = {
    "rotation": 180.0,
    "shift": 0.5,
    "shear": 45.0,
    "zoom": 0.9,
    "aspect": 1.0,
    "colour": 1.0,
    "hue": 0.5,
    "blur": 1.0,
    "erase": 1.0,
}
"""How far pictures can be changed at all, in the units of Augmentation."""

MOST_STRANGERS = 600


@dataclass(frozen=True)
class Data:
    """One part of split's folder: images (n, size, size, 3) uint8 and labels (n,) int32."""

    images: np.ndarray
    labels: np.ndarray


def read_data(folder: Path) -> tuple[list[str], dict[str, Data]]:
    """The categories, in the order of the network's outputs, and the parts by name."""
    table = read_table(folder / "files.csv")
    categories = sorted(table["category"].unique())
    numbers = table["category"].map({name: i for i, name in enumerate(categories)})
    parts = {
        part: Data(
            np.load(folder / f"{part}.npy", mmap_mode="r"),
            numbers[table["split"] == part].to_numpy(np.int32),
        )
        for part in ("train", "validation")  # what only measures is not even opened
    }
    return categories, parts


def choose_recipe(args: Namespace) -> Recipe:
    """The network's recipe, with what the command line says instead. Raises StageError."""
    recipe = recipes.find(args.network)
    known = {field.name for field in fields(Recipe)}
    given = {k: v for k, v in vars(args).items() if k in known and v is not None}
    if given.get("head", "average") not in ("average", "flatten"):
        raise StageError(f"--head {args.head} is unknown; there are: average, flatten.")
    if "epochs" in given:
        given.setdefault("max_minutes", 0.0)  # who counts the epochs wants them all
    if given.get("head") == "flatten":
        given["growth"] = (1.0,)  # a flattened picture has one size
    strength = vars(args).get("augmentation_strength")
    if strength is not None:
        given["augmentation"] = strengthen(recipe.augmentation, strength)
    return replace(recipe, **given)


def strengthen(how: Augmentation, strength: float) -> Augmentation:
    """Change pictures `strength` times as far, within WIDEST; mirroring stays as it is."""
    values = {name: value for name, value in asdict(how).items() if name != "flip"}
    return replace(how, **{k: min(v * strength, WIDEST[k]) for k, v in values.items()})


def suit(recipe: Recipe, data: Data) -> Recipe:
    """The recipe at the pictures' size, with a batch of no more than there are pictures.

    Of drawings there are enough: their batch stays, else they would take thousands of steps.
    """
    count, size = data.images.shape[:2]
    if count >= recipe.batch_size:
        return replace(recipe, size=size)
    return replace(recipe, size=size, batch_size=count, drawings_a_step=recipe.batch_size)


def strangers_for(recipe: Recipe, data: Data) -> int:
    """How many strangers to draw: enough that none is seen too often, few enough for a moment."""
    return min(MOST_STRANGERS, len(data.images) // 4) if recipe.strangers_a_batch else 0


def steps_an_epoch(recipe: Recipe, pictures: int) -> int:
    """Optimiser steps in which each training picture is seen once; a shorter last is left out."""
    return max(1, pictures // (recipe.batch_size - recipe.strangers_a_batch))


def find_teacher(args: Namespace, categories: list[str], strangers: int) -> Teacher | None:
    """The model to learn from, and its pictures; None for "none". Raises StageError."""
    if args.teacher == "none":
        return None
    model = registry.fetch(args.teacher)
    if model.facts["categories"] != categories:
        raise StageError(f"--teacher {args.teacher} knows other categories than --data has.")
    stage.read_manifest(args.teacher_data, of="split")
    if _learned_from(args.teacher_data) != _learned_from(args.data):
        raise StageError(
            f"--teacher-data {args.teacher_data} and --data {args.data} do not train on the same "
            "photographs in the same order: prepare and split the same ones, with the same --seed."
        )
    return teachers.read(model, Path(args.teacher_data), strangers, args.seed)


def _learned_from(folder: str) -> list[str]:
    table = read_table(Path(folder) / "files.csv")
    return table.loc[table["split"] == "train", "sha256"].tolist()


def set_precision(wanted: str | None) -> str:
    """Make Keras compute in `wanted`, or in what the machine is quick at; returns which."""
    precision = wanted or devices.quick_precision()
    if precision not in devices.PRECISIONS:
        names = ", ".join(devices.PRECISIONS)
        raise StageError(f"--precision {precision} is unknown; there are: auto, {names}.")
    keras.mixed_precision.set_dtype_policy(precision)
    return precision


@dataclass(frozen=True)
class Start:
    """What every training of one command begins with."""

    args: Namespace
    recipe: Recipe
    precision: str
    data_digest: str
    categories: list[str]
    data: dict[str, Data]
    strangers: np.ndarray | None
    teacher: Teacher | None

    @property
    def identity(self) -> dict:
        """Whatever must be equal for a training or a search to go on from what is on disk."""
        return {
            "recipe": asdict(self.recipe),
            "data": self.data_digest,
            "network": self.args.network,
            "seed": self.args.seed,
            "precision": self.precision,
            "teacher": self.args.teacher,
            "weights": self.args.weights and source_digest(self.args.weights),
        }

    def network(self) -> keras.Model:
        """A new network with random weights; see networks.build."""
        recipe = self.recipe
        return networks.build(self.args.network, recipe.size, len(self.categories), recipe)

    def trainer(self, workers: Workers = ONE, steps: int | None = None) -> Trainer:
        """A new network and what trains it, the same again from the seed.

        steps: optimiser steps an epoch, where not every picture is to be seen.
        """
        keras.utils.set_random_seed(self.args.seed)
        with workers.scope():
            return Trainer(
                self.network(),
                self.recipe,
                len(self.categories),
                steps or steps_an_epoch(self.recipe, len(self.data["train"].images)),
                self.args.seed,
                self.teacher,
                workers,
                self.strangers,
            )


def begin(args: Namespace) -> Start:
    """Read and choose what the command line says. Raises StageError."""
    source = stage.read_manifest(args.data)
    recipe = choose_recipe(args)
    precision = set_precision(args.precision)
    categories, data = read_data(Path(args.data))
    recipe = suit(recipe, data["train"])
    count = strangers_for(recipe, data["train"])
    return Start(
        args,
        recipe,
        precision,
        source["digest"],
        categories,
        data,
        to_learn_from(count, args.seed, recipe.size) if count else None,
        find_teacher(args, categories, count),
    )


def measure(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Cross-entropy and accuracy on validation. probabilities: (n, categories); labels: (n,).

    The cross-entropy is what the served model will have, whose temperature is fitted too. Without
    it, mixing, smoothing and a teacher's doubts make a network that grows better seem worse.
    """
    logits = np.log(np.clip(probabilities, 1e-7, 1))
    temperature = calibration.fit_temperature(logits, labels)
    return {
        "validation_loss": calibration.cross_entropy(logits / temperature, labels),
        "validation_accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
    }
