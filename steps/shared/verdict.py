"""Decides on a measured model: does it pass the gate, and does it follow the champion."""

import pandas as pd

from steps.shared import metrics

SIGNIFICANT = 0.05
"""The p-value up to which a difference to the champion counts as no accident."""
NAMED = 10
"""How many categories a reason lists: a registry takes no more than some sentences."""


def compare(ours: pd.DataFrame, champions: pd.DataFrame, known: list[str]) -> dict:
    """The paired comparison of two models' answers to the same pictures.

    ours, champions: (n,) rows with `category` and `predicted`, in the same order.
    known: the champion's categories; pictures of others are left out, since it could not be right.
    Returns the champion's accuracy, what `metrics.paired_test` gives, and as `new_categories` what
    the champion cannot answer. Where it can answer nothing, accuracy and gain are 0.
    """
    new = sorted(set(ours["category"]) - set(known))
    shared = ours["category"].isin(known).to_numpy()
    correct, before = (
        (frame["predicted"] == frame["category"]).to_numpy()[shared] for frame in (ours, champions)
    )
    if not shared.any():
        return {"accuracy": 0.0, "gain": 0.0, "won": 0, "lost": 0, "p_value": 1.0} | {
            "new_categories": new
        }
    paired = metrics.paired_test(correct, before)
    return {"accuracy": float(before.mean()), **paired, "new_categories": new}


def judge(
    figures: dict[str, float],
    recalls: pd.Series,
    champion: dict | None,
    min_accuracy: float,
    min_class_recall: float,
) -> dict:
    """Decide: does the model pass the gate, does it become champion, and why.

    figures: at least `accuracy`. recalls: by category. champion: what `compare` gives, or None
    where there is no other champion. Returns `passed`, `promote` and `reason`.
    """
    reasons = []
    if figures["accuracy"] < min_accuracy:
        reasons.append(f"accuracy {figures['accuracy']:.3f} is below {min_accuracy}")
    weak = recalls[recalls < min_class_recall]
    if len(weak):
        names = [f"{name} ({recall:.2f})" for name, recall in weak.items()]
        reasons.append(f"recall is below {min_class_recall} for {_listed(names)}")
    if reasons:
        return {"passed": False, "promote": False, "reason": "; ".join(reasons)}
    promote, reason = follows(champion)
    return {"passed": True, "promote": promote, "reason": reason}


def follows(champion: dict | None) -> tuple[bool, str]:
    """Whether a model that passed the gate becomes champion, and why.

    It must be better than the champion beyond chance; one that knows more categories only must
    not be worse at those that both know, or no new category would ever be served.
    """
    if champion is None:
        return True, "there is no other champion to beat"
    real, new = champion["p_value"] <= SIGNIFICANT, champion.get("new_categories")
    compared = (
        f"{champion['gain']:+.1%} against the champion on the same pictures "
        f"(p = {champion['p_value']:.3f})"
    )
    if not new:
        better = champion["gain"] > 0 and real
        return better, compared if better else f"{compared}: not better beyond chance"
    worse = champion["gain"] < 0 and real
    unknown = f"the champion does not know {_listed(new)}"
    return not worse, f"{unknown}; of the categories that it knows, {compared}" + (
        ": worse beyond chance" if worse else ""
    )


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
