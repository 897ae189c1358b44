"""Packs a trained network as an MLflow model that serves itself."""

import base64
import io
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import keras
import mlflow
import numpy as np
import pandas as pd
from keras import layers, ops
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from mlflow.types.schema import Array, Map, Object, Property
from PIL import Image

from steps.served_model.network import Network
from steps.shared import calibration, devices, explanations
from steps.shared.quantization import quantize

SERVED_MODEL = Path(__file__).parents[1] / "served_model"
IMPORTED = ("mlflow", "numpy", "onnxruntime", "pandas", "pillow", "pybase64", "pyyaml")
"""What the served model imports, and so all that it requires."""


def pack(
    network: keras.Model,
    folder: Path,
    *,
    categories: list[str],
    size: int,
    run_id: str,
    name: str,
    pixel_scale: float = 1.0,
    logits: bool = True,
    mirror: bool = False,
    quantize_on: np.ndarray | None = None,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Write `folder` as an MLflow pyfunc around `network`.

    network: takes (n, size, size, 3) float32, each value 0–255 times `pixel_scale`; returns
    (n, categories) logits, or probabilities with `logits` false. mirror: serve the mean of a
    picture and its mirror image. quantize_on: training pictures (n, size, size, 3) uint8 to serve
    in 8-bit integers; None: in float32. validation: pictures and labels (n,) that tell how far
    the answers can be trusted; None: nothing is known of that.

    The folder holds the network twice: as network.keras to train on, as network.onnx to serve.
    """
    facts = {"categories": categories, "size": size, "run_id": run_id, "name": name}
    facts["mirror"] = mirror
    with tempfile.TemporaryDirectory() as scratch:
        paths = {key: Path(scratch) / file for key, file in ARTIFACTS.items()}
        network.save(paths["keras"])
        export_onnx(network, paths["network"], size, pixel_scale, logits)
        if quantize_on is not None:
            quantize(paths["network"], quantize_on)
        facts |= asdict(calibration.trust(Network(paths["network"], mirror), validation))
        paths["facts"].write_text(json.dumps(facts, indent=2, ensure_ascii=False))
        _save(folder, {key: str(path) for key, path in paths.items()}, size, run_id)


ARTIFACTS = {"network": "network.onnx", "keras": "network.keras", "facts": "facts.json"}


def export_onnx(
    network: keras.Model, path: Path, size: int, pixel_scale: float, logits: bool
) -> None:
    """Write the graph that serves: uint8 pictures in; logits and class maps out; any batch size."""
    with devices.computing_in("float32"):
        maps = explanations.class_maps(network)
        outputs = [network.output] if maps is None else [network.output, maps]
        picture = keras.Input((size, size, 3), dtype="uint8", name="picture")
        answers = keras.Model(network.input, outputs)(layers.Rescaling(pixel_scale)(picture))
        if not logits:  # the softmax of a logarithm is the probability again
            answers[0] = ops.log(ops.maximum(answers[0], 1e-30))
        served = keras.Model(picture, answers)
    served(np.zeros((1, size, size, 3), np.uint8))  # Keras exports only what was called once
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx still asks NumPy for names that are gone
        served.export(path, format="onnx", verbose=False)


def plain_copy(build: Callable[[], keras.Model], trained: keras.Model) -> keras.Model:
    """The trained weights in a float32 network: what is saved does not depend on how it trained.

    build: makes the network anew.
    """
    with devices.computing_in("float32"):
        network = keras.models.clone_model(build(), call_function=_plainly)
    network.set_weights(trained.get_weights())
    return network


def _plainly(layer: layers.Layer, x: keras.KerasTensor, **how: object) -> keras.KerasTensor:
    # Keras can load a file with its own layers anywhere, one with ours only where `steps` is.
    return layer.plain(x) if hasattr(layer, "plain") else layer(x, **how)


def signature() -> ModelSignature:
    """What goes in and what comes out, as MLflow and its scoring server understand it."""
    text, number = DataType.string, DataType.double
    model = Object([Property("name", text), Property("version", text), Property("run_id", text)])
    error = Object([Property("code", text), Property("message", text)])
    answer = Schema(
        [
            ColSpec(text, "label", required=False),
            ColSpec(number, "confidence", required=False),
            ColSpec(Map(number), "scores", required=False),
            ColSpec(DataType.boolean, "known", required=False),
            ColSpec(number, "unknown_score", required=False),
            ColSpec(Array(Array(number)), "heat_map", required=False),
            ColSpec(model, "model"),
            ColSpec(error, "error", required=False),
        ]
    )
    asked = ParamSchema(
        [ParamSpec(name, DataType.boolean, False) for name in ("explain", "as_json")]
    )
    return ModelSignature(Schema([ColSpec(text, "image")]), answer, asked)


def input_example(size: int) -> pd.DataFrame:
    """One row: a PNG of a colour gradient, as base64 text."""
    axis = np.linspace(0, 255, size).astype(np.uint8)
    red, green = np.meshgrid(axis, axis)
    file = io.BytesIO()
    Image.fromarray(np.dstack([red, green, np.full_like(red, 128)])).save(file, "PNG")
    return pd.DataFrame({"image": [base64.b64encode(file.getvalue()).decode()]})


def _save(folder: Path, artifacts: dict[str, str], size: int, run_id: str) -> None:
    # Loading runs model.py, which imports its own package by the name it has in a model's folder.
    sys.path.insert(0, str(SERVED_MODEL.parent))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks for type hints, which would change the input
            mlflow.pyfunc.save_model(
                folder,
                python_model=str(SERVED_MODEL / "model.py"),
                artifacts=artifacts,
                code_paths=[str(SERVED_MODEL)],
                signature=signature(),
                input_example=input_example(size),
                pip_requirements=[f"{name}=={version(name)}" for name in IMPORTED],
                mlflow_model=Model(run_id=run_id),
            )
    finally:
        sys.path.remove(str(SERVED_MODEL.parent))
    # MLflow closes it to all but its owner; a container that it is mounted into runs as another.
    (folder / "artifacts").chmod(folder.stat().st_mode & 0o777)
