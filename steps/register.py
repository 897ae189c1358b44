"""Registers a model version, and moves the aliases challenger and champion.

--model is a packed model (a folder or a URI), a version that is registered already, or a plain
.keras file that was trained elsewhere, which is packed first. The verdict says who
becomes champion; --promote true says it by hand, to go back to an earlier version.
"""

from argparse import Namespace
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from steps.shared import card, registry, stage
from steps.shared.registry import CHALLENGER, CHAMPION, JUDGED_AGAINST, PackedModel
from steps.shared.stage import StageError

SUMMARY = 700
"""Characters that are kept free for the sentences above a card."""


def read_verdict(folder: str, model: PackedModel) -> dict | None:
    """evaluate's verdict on this very model; None for "none".

    Raises StageError where the verdict is another model's, or where the gate was not passed.
    """
    if folder == "none":
        return None
    stage.read_manifest(folder)
    verdict = stage.read_json(Path(folder) / "verdict.json")
    if verdict["model"] != stage.digest(model.folder, ["artifacts/network.onnx"]):
        raise StageError(f"the verdict in {folder} is on another model than {model.uri}.")
    if "judged_against" not in verdict:
        raise StageError(f"the verdict in {folder} is an earlier release's: evaluate again.")
    if not verdict["passed"]:
        raise StageError(f"refused, the gate was not passed: {verdict['reason']}.")
    return verdict


def pack_keras(path: Path, out: Path, args: Namespace) -> PackedModel:
    """Pack a .keras file that takes (n, size, size, 3) pictures. Raises StageError."""
    import keras  # TensorFlow is only needed here

    from steps.shared import packaging

    categories = read_categories(args.categories)
    try:
        network = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise StageError(f"{path} is not a Keras model that can be loaded: {error}") from error
    size = args.input_size
    noise = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)) * args.pixel_scale
    try:
        answers = np.asarray(network(noise.astype(np.float32), training=False))
    except Exception as error:
        raise StageError(f"{path} does not take {size} × {size} RGB: set --input-size.") from error
    if answers.shape != (2, len(categories)):
        raise StageError(
            f"{path} answers with shape {answers.shape[1:]}, and --categories lists "
            f"{len(categories)}: they must agree."
        )
    probabilities = bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))
    packaging.pack(
        network,
        out / "model",
        categories=categories,
        size=size,
        run_id=stage.run_id(),
        name=path.stem,
        pixel_scale=args.pixel_scale,
        logits=not probabilities,
    )
    mlflow.log_artifacts(str(out / "model"), "model")
    return PackedModel(out / "model", str(path))


def read_categories(path: str) -> list[str]:
    """One category a line, in the order of the network's outputs. Raises StageError."""
    if path == "none" or not Path(path).is_file():
        raise StageError("a .keras file needs --categories FILE: one category a line, in order.")
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    categories = [line for line in lines if line]
    if len(set(categories)) < max(2, len(categories)):
        raise StageError(f"{path} must list at least two categories, each once.")
    return categories


def artifact_uri(model: PackedModel) -> str:
    """Where the registry finds the model: in its own run, or else logged into this one."""
    client, run_id = MlflowClient(), model.facts["run_id"]
    here = stage.run_id()
    try:
        if run_id == here or client.get_run(run_id).data.tags.get("stage") == "train":
            return f"{client.get_run(run_id).info.artifact_uri}/model"
    except MlflowException:
        pass  # trained against another tracking server
    mlflow.log_artifacts(str(model.folder), "model")
    return f"{client.get_run(here).info.artifact_uri}/model"


def registered(args: Namespace, model: PackedModel) -> ModelVersion | None:
    """The version that --model names, or that this very model has already."""
    return registry.version_at(args.model) or registry.by_run(
        args.model_name, model.facts["run_id"]
    )


def version_of(
    args: Namespace, model: PackedModel, found: ModelVersion | None, verdict: dict | None
) -> ModelVersion:
    """A new version; or the one that was found, saying from now on what the verdict says of it."""
    if found and verdict is None:
        return found
    text = describe(model, verdict) + read_card(args.verdict, verdict)
    tags = tags_of(model, verdict)
    if found:
        registry.update_version(found, text, tags)
        return found
    run_id = model.facts["run_id"]
    return registry.create_version(args.model_name, artifact_uri(model), run_id, text, tags)


def hold_against_today(name: str, model: PackedModel, verdict: dict) -> None:
    """Whom the verdict was against must still be champion, if the model is to follow it.

    Raises StageError where another one became champion since.
    """
    champion = registry.by_alias(name, CHAMPION)
    if champion is None or registry.is_of(champion, model.facts["run_id"]):
        return
    today = registry.uri_of(champion)
    if today != verdict["judged_against"]:
        raise StageError(
            f"the champion is {today}, and the verdict is against {verdict['judged_against']}: "
            f"evaluate {model.uri} again, with --model-name {name}."
        )


def read_card(folder: str, verdict: dict | None) -> str:
    """The model's card, as much of it as a registry takes below the summary; "" without one."""
    path = Path(folder) / card.CARD
    if verdict is None or not path.is_file():
        return ""
    return "\n\n" + card.shortened(path.read_text(), card.LONGEST - SUMMARY)


def describe(model: PackedModel, verdict: dict | None) -> str:
    """A sentence or two for the registry's page."""
    facts = model.facts
    text = (
        f"`{facts['name']}`, {len(facts['categories'])} categories, "
        f"{facts['size']} × {facts['size']} pixels."
    )
    if verdict is None:
        return f"{text} Not evaluated yet."
    figures = verdict["metrics"]
    return (
        f"{text} {figures['accuracy']:.1%} right on test photographs "
        f"(95 % interval {figures['accuracy_low']:.1%} to {figures['accuracy_high']:.1%}), "
        f"macro-F1 {figures['macro_f1']:.1%}; {verdict['reason']}."
    )


def tags_of(model: PackedModel, verdict: dict | None) -> dict[str, str]:
    """Run, data, commit and figures, so that a version says by itself where it comes from."""
    facts = model.facts
    tags = {"run_id": facts["run_id"], "network": facts["name"], "size": str(facts["size"])}
    try:
        known = MlflowClient().get_run(facts["run_id"]).data.tags
    except MlflowException:
        known = {}
    for tag, source in (("data.digest", "data.digest"), ("commit", "mlflow.source.git.commit")):
        if source in known:
            tags[tag] = known[source]
    if verdict is None:
        return tags
    if verdict["champion"] or verdict["judged_against"] == "none":  # and not against itself
        tags[JUDGED_AGAINST] = verdict["judged_against"]
    tags[registry.SAMPLE] = str(verdict.get("sample", False)).lower()
    return tags | {name: f"{value:.4f}" for name, value in verdict["metrics"].items()}


def by_hand(args: Namespace) -> ModelVersion:
    """The version that --promote names. Raises StageError where there is none."""
    version = registry.version_at(args.model)
    if version is None or args.verdict != "none":
        raise StageError(
            "--promote true takes a version that is registered and no verdict: "
            f"--model models:/{args.model_name}/NUMBER --verdict none."
        )
    return version


def finish(out: Path, version: ModelVersion, champion: bool) -> dict:
    """Write down which version it is and whether it became champion."""
    result = {"name": version.name, "version": str(version.version), "champion": champion}
    stage.write_json(out / "version.json", result)
    mlflow.set_tag("registered", registry.uri_of(version))
    return {"files": ["version.json"], **result}


def work(args: Namespace, out: Path) -> dict:
    """The stage: pack if need be, hold against the verdict, register, move the aliases."""
    if args.promote:
        version = by_hand(args)
        registry.give_alias(version, CHAMPION)
        print(f"register: {registry.uri_of(version)} is @{CHAMPION}, by hand")
        return finish(out, version, champion=True)
    keras_file = args.model.endswith(".keras")
    model = pack_keras(Path(args.model), out, args) if keras_file else registry.fetch(args.model)
    verdict = None if keras_file else read_verdict(args.verdict, model)
    found = registered(args, model)
    promote = bool(verdict and verdict["promote"])
    if verdict and promote:
        hold_against_today(found.name if found else args.model_name, model, verdict)
    version = version_of(args, model, found, verdict)
    registry.give_alias(version, CHALLENGER)
    if promote:
        registry.give_alias(version, CHAMPION)
    uri = registry.uri_of(version)
    print(f"register: {uri} is @{CHALLENGER}" + (f" and @{CHAMPION}" if promote else ""))
    if verdict is None:
        print(
            f"register: not judged yet; python -m steps.evaluate --model {uri}, and then "
            f"python -m steps.register --model {uri}, makes it @{CHAMPION} where it wins"
        )
    return finish(out, version, champion=promote)


if __name__ == "__main__":
    stage.run("register", work)
