"""Measures a model on the test photographs, and judges it against the gate and the champion.

The model is asked as it will be served: encoded files in, answers out. Nothing here chooses
anything about the model; it is measured once, as it is.
"""

import re
from argparse import Namespace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion

from steps.served_model.pictures import decode
from steps.shared import (
    card,
    lineage,
    metrics,
    plots,
    registry,
    slices,
    stage,
    trust_tests,
    verdict,
)
from steps.shared.card import Trust
from steps.shared.registry import CHAMPION, PackedModel
from steps.shared.scorer import Scorer
from steps.shared.stage import StageError
from steps.shared.table import read_table, require_photos

PREDICTIONS, SLICES, VERDICT = "predictions.csv", "slices.csv", "verdict.json"
MISTAKES, MISTAKE_SIZE = 24, 160
"""How many of the worst are shown, and their side in pixels."""
STRANGERS = ("rejected", "kept")
"""Figures that only a model packed with validation photographs has."""


def predict(scorer: Scorer, photos: Path, table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Ask the model about each row's file; adds `predicted`, `confidence`, `known`,
    `unknown_score` and `score:CATEGORY`."""
    answers = scorer.require([photos / p for p in table["path"]], label)
    scores = pd.DataFrame([a["scores"] for a in answers]).add_prefix("score:")
    return pd.concat(
        [
            table.reset_index(drop=True),
            pd.DataFrame(
                {
                    "predicted": [a["label"] for a in answers],
                    **{
                        # Models of before these were measured do not say them.
                        name: [a.get(name) for a in answers]
                        for name in ("confidence", "known", "unknown_score")
                    },
                }
            ),
            scores,
        ],
        axis=1,
    )


def work(args: Namespace, out: Path) -> dict:
    """The stage: predict, measure, draw, compare, judge, and write the model's card."""
    data, photos = Path(args.data), Path(args.photos) / "photos"
    source = stage.read_manifest(data)
    table = read_table(data / "files.csv")
    test = table[table["split"] == "test"]
    require_photos(Path(args.photos), test, "--data")
    model = registry.fetch(args.model)
    with Scorer(model.folder) as scorer:
        predictions = predict(scorer, photos, test, "evaluate")
        predictions.to_csv(out / PREDICTIONS, index=False)
        figures, classes = measure(predictions, model.facts["categories"])
        draw(scorer, predictions, model.facts["categories"], photos)
        trust = measure_trust(scorer, photos, predictions, args)
    trust.slices.to_csv(out / SLICES, index=False)
    figures |= trust.figures
    champion = registry.by_alias(args.model_name, CHAMPION)
    compared = compare(champion, model, photos, test, predictions)
    gate = args.min_accuracy, args.min_class_recall
    sample = stage.read_manifest(args.photos).get("sample", False)
    judged = verdict.judge(figures, classes, compared, *gate, sample) | {
        "metrics": figures,
        "champion": compared,
        "sample": sample,
        "judged_against": registry.uri_of(champion) if champion else "none",
        "model": stage.digest(model.folder, ["artifacts/network.onnx"]),
    }
    stage.write_json(out / VERDICT, judged)
    (out / card.CARD).write_text(card.card(model.facts, source, judged, classes, trust))
    log(out, figures, classes, judged)
    return {
        "files": [VERDICT, PREDICTIONS, SLICES, card.CARD],
        "passed": judged["passed"],
        **figures,
    }


def measure_trust(
    scorer: Scorer, photos: Path, predictions: pd.DataFrame, args: Namespace
) -> Trust:
    """Slices, corruptions and strangers; logs their tables and pictures."""
    correct = (predictions["predicted"] == predictions["category"]).to_numpy()
    by_slice = slices.accuracy_by_slice(slices.describe(photos, predictions), correct)
    mlflow.log_table(by_slice, "slices.json")
    mlflow.log_figure(plots.slices(by_slice), "slices.png")
    spoilt = None
    if args.robustness:
        spoilt = trust_tests.robustness(scorer, photos, predictions, args.seed)
        mlflow.log_table(spoilt, "robustness.json")
        mlflow.log_figure(plots.robustness(spoilt), "robustness.png")
    figures = trust_tests.rejected(scorer, args.seed)
    if figures:
        figures["kept"] = float(predictions["known"].mean())
    return Trust(by_slice, spoilt, figures)


def measure(predictions: pd.DataFrame, categories: list[str]) -> tuple[dict, pd.DataFrame]:
    """All figures, and the table by category."""
    probabilities, labels = arrays(predictions, categories)
    figures = metrics.summary(probabilities, labels, predictions["group"].to_numpy())
    return figures, metrics.per_class(probabilities, labels, categories)


def arrays(predictions: pd.DataFrame, categories: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) probabilities and (n,) labels as numbers; raises StageError for unknown labels."""
    unknown = sorted(set(predictions["category"]) - set(categories))
    if unknown:
        raise StageError(f"the model does not know the categories {', '.join(unknown)}.")
    numbers = {name: i for i, name in enumerate(categories)}
    probabilities = predictions[[f"score:{name}" for name in categories]].to_numpy()
    return probabilities, predictions["category"].map(numbers).to_numpy()


def compare(
    version: ModelVersion | None,
    model: PackedModel,
    photos: Path,
    test: pd.DataFrame,
    predictions: pd.DataFrame,
) -> dict | None:
    """The paired comparison with the present champion; None without one, or if it is this one."""
    if version is None or registry.is_of(version, model.facts["run_id"]):
        return None
    champion = registry.fetch(registry.uri_of(version))
    fair = lineage.unseen(champion.folder, predictions).to_numpy()
    with Scorer(champion.folder) as scorer:
        theirs = (
            predict(scorer, photos, test[fair], "champion") if fair.any() else predictions[fair]
        )
    categories = model.facts["categories"], champion.facts["categories"]
    return {
        "version": version.version,
        "sample": version.tags.get(registry.SAMPLE) == "true",
        "learned_from": int((~fair).sum()),
        **verdict.compare(predictions[fair], theirs, *categories),
    }


def draw(scorer: Scorer, predictions: pd.DataFrame, categories: list[str], photos: Path) -> None:
    """Log the confusion matrix, the reliability curve and the most confident mistakes."""
    probabilities, labels = arrays(predictions, categories)
    correct = (predictions["predicted"] == predictions["category"]).to_numpy()
    matrix = metrics.confusion(probabilities, labels)
    mlflow.log_figure(plots.confusion(matrix, categories), "confusion.png")
    mlflow.log_table(metrics.confused(matrix, categories), "confusion.json")
    curve = plots.reliability_curve(predictions["confidence"].to_numpy(), correct)
    mlflow.log_figure(curve, "reliability.png")
    wrong = predictions[~correct].nlargest(MISTAKES, "confidence")
    pictures = [decode((photos / path).read_bytes(), MISTAKE_SIZE) for path in wrong["path"]]
    captions = [
        f"{row.category}\nseen as {row.predicted} ({row.confidence:.0%})"
        for row in wrong.itertuples()
    ]
    paths = [photos / path for path in wrong["path"]]
    heats = [a.get("heat_map") for a in scorer.score(paths, "mistakes", explain=True)]
    mlflow.log_figure(plots.picture_sheet(pictures, captions, heats), "mistakes.png")


def recall_metrics(classes: pd.DataFrame) -> dict[str, float]:
    """The recall of each category, under a name that MLflow takes: what it does not is a "_", and
    of equal names the later ones have a number. metrics.json has the categories' own names."""
    named: dict[str, float] = {}
    for row in classes.itertuples():
        plain = name = "recall/" + re.sub(r"[^\w.\- ]", "_", str(row.category))
        number = 1
        while name in named:
            number += 1
            name = f"{plain} {number}"
        named[name] = row.recall
    return named


def log(out: Path, figures: dict[str, float], classes: pd.DataFrame, judged: dict) -> None:
    """Put figures, tables and verdict into the run, and say them in a few lines."""
    mlflow.log_metrics(figures)
    mlflow.log_metrics(recall_metrics(classes))
    strangers = {name: figures[name] for name in STRANGERS if name in figures} or "not measured"
    table = classes.to_dict("records")
    mlflow.log_dict(
        {"metrics": figures, "per_class": table, "strangers": strangers}, "metrics.json"
    )
    for name in (PREDICTIONS, SLICES, VERDICT, card.CARD):
        mlflow.log_artifact(str(out / name))
    print(
        f"evaluate: accuracy {figures['accuracy']:.1%} "
        f"({figures['accuracy_low']:.1%} to {figures['accuracy_high']:.1%}), "
        f"macro-F1 {figures['macro_f1']:.1%}, top-3 {figures['top3_accuracy']:.1%}, "
        f"calibration error {figures['calibration_error']:.1%} "
        f"({figures['calibration_error_by_chance']:.1%} by chance)"
    )
    if "rejected" in figures:
        print(
            f"evaluate: of pictures that show none of the categories {figures['rejected']:.1%} are "
            f"rejected, of the test photographs {figures['kept']:.1%} kept"
        )
    else:
        print("evaluate: rejecting pictures that show none of the categories: not measured")
    word = "passes" if judged["passed"] else "fails"
    print(f"evaluate: {word} the gate: {judged['reason']}")


if __name__ == "__main__":
    stage.run("evaluate", work)
