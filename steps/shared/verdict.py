"""Decides on a measured model: does it pass the gate, and does it follow the champion."""

import pandas as pd

from steps.shared import metrics
from steps.shared.slices import interval

SIGNIFICANT = 0.05
"""The p-value up to which a difference to the champion counts as no accident."""
NAMED = 10
"""How many categories a reason lists: a registry takes no more than some sentences."""


def compare(
    ours: pd.DataFrame, champions: pd.DataFrame, categories: list[str], known: list[str]
) -> dict:
    """The paired comparison of two models' answers to the same pictures.

    ours, champions: (n,) rows with `category` and `predicted`, in the same order; ours with
    `group`, that of the duplicates that a picture is one of.
    categories, known: what ours and what the champion can answer; pictures of what the champion
    cannot are left out, since it could not be right.
    Returns the champion's accuracy, what `metrics.paired_test` gives, `new_categories` and
    `lost_categories`. Where the champion can answer nothing, its accuracy and the gain are 0.
    """
    names = {
        "new_categories": sorted(set(categories) - set(known)),
        "lost_categories": sorted(set(known) - set(categories)),
    }
    shared = ours["category"].isin(known).to_numpy()
    if not shared.any():
        return {"accuracy": 0.0, "gain": 0.0, "won": 0, "lost": 0, "p_value": 1.0, **names}
    correct, before = (
        (frame["predicted"] == frame["category"]).to_numpy()[shared] for frame in (ours, champions)
    )
    tested = metrics.paired_test(correct, before, ours["group"].to_numpy()[shared])
    return {"accuracy": float(before.mean()), **tested, **names}


def judge(
    figures: dict[str, float],
    classes: pd.DataFrame,
    champion: dict | None,
    min_accuracy: float,
    min_class_recall: float,
    sample: bool = False,
) -> dict:
    """Decide: does the model pass the gate, does it become champion, and why.

    figures: at least `accuracy`. classes: metrics.per_class. champion: what `compare` gives,
    whether its pictures were a rendered `sample`, and how many it had `learned_from` and were left
    out; None where there is no other champion.
    sample: whether ours are. Returns `passed`, `promote` and `reason`.
    """
    reasons = []
    if figures["accuracy"] < min_accuracy:
        reasons.append(f"accuracy {figures['accuracy']:.3f} is below {min_accuracy}")
    weak = [
        f"{row.category} ({row.recall:.2f} of {row.support})"
        for row in classes[classes["support"] > 0].itertuples()
        if _surely_below(row.recall, row.support, min_class_recall)
    ]
    if weak:
        reasons.append(f"recall is below {min_class_recall} for {_listed(weak)}")
    if reasons:
        return {"passed": False, "promote": False, "reason": "; ".join(reasons)}
    promote, reason = follows(champion, sample)
    return {"passed": True, "promote": promote, "reason": reason}


def follows(champion: dict | None, sample: bool) -> tuple[bool, str]:
    """Whether a model that passed the gate becomes champion, and why.

    It must be better than the champion beyond chance. One that knows all that the champion does,
    and more, only must not be worse at the former: or no new category would ever be served. One
    that lacks a category, or learned from the rendered sample where the champion did not, never is.
    """
    if champion is None:
        return True, "there is no other champion to beat"
    if sample != champion["sample"]:
        return not sample, (
            "rendered pictures do not judge a champion of photographs"
            if sample
            else "the champion has seen rendered pictures alone"
        )
    if champion["lost_categories"]:
        names = _listed(champion["lost_categories"])
        return False, f"it does not know {names}, as the champion does (see register --promote)"
    real, new = champion["p_value"] <= SIGNIFICANT, champion["new_categories"]
    compared = (
        f"{champion['gain']:+.1%} against the champion on the same pictures "
        f"(p = {champion['p_value']:.3f})"
    )
    if champion["learned_from"]:
        compared += f", {champion['learned_from']:,} that it has learned from left out"
    if not new:
        better = champion["gain"] > 0 and real
        return better, compared if better else f"{compared}: not better beyond chance"
    worse = champion["gain"] < 0 and real
    unknown = f"the champion does not know {_listed(new)}"
    return not worse, f"{unknown}; of the categories that it knows, {compared}" + (
        ": worse beyond chance" if worse else ""
    )


def _surely_below(recall: float, count: int, least: float) -> bool:
    """Beyond chance: one photograph that is taken for something else tells nothing of the rest."""
    return recall < least and interval(round(recall * count), count)[1] < least


def _listed(names: list[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
