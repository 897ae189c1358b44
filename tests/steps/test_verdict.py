"""Who passes the gate, and who becomes champion."""

import pandas as pd
import pytest

from steps.shared.verdict import compare, judge

FIGURES = {"accuracy": 0.8}
CLASSES = pd.DataFrame(
    {"category": ["football", "tennis_ball"], "recall": [0.9, 0.3], "support": [30, 40]}
)
KNOWN = ["football", "tennis_ball"]
SAME = {"sample": False, "learned_from": 0, "new_categories": [], "lost_categories": []}
BETTER = {"gain": 0.1, "p_value": 0.01, **SAME}


def verdict_of(champion=None, accuracy=0.5, recall=0.2, sample=False):
    return judge(FIGURES, CLASSES, champion, accuracy, recall, sample)


def test_low_accuracy_fails_the_gate():
    verdict = verdict_of(accuracy=0.9)

    assert (verdict["passed"], verdict["promote"]) == (False, False)
    assert verdict["reason"] == "accuracy 0.800 is below 0.9"


def test_a_weak_category_fails_the_gate_and_is_named():
    assert verdict_of(recall=0.5)["reason"] == "recall is below 0.5 for tennis_ball (0.30 of 40)"


def test_a_category_of_one_photograph_fails_nothing():
    single = pd.DataFrame({"category": ["football"], "recall": [0.0], "support": [1]})

    assert judge(FIGURES, single, None, 0.5, 0.2)["passed"]


def test_the_first_to_pass_becomes_champion():
    assert verdict_of()["promote"]


def test_a_better_model_becomes_champion():
    assert verdict_of(BETTER)["promote"]


@pytest.mark.parametrize("champion", [{"gain": -0.1, "p_value": 0.01}, {"gain": 0, "p_value": 1.0}])
def test_a_model_that_is_not_better_does_not(champion):
    verdict = verdict_of(SAME | champion)

    assert (verdict["passed"], verdict["promote"]) == (True, False)


def test_a_gain_by_chance_does_not_count():
    verdict = verdict_of(SAME | {"gain": 0.02, "p_value": 0.4})

    assert not verdict["promote"]
    assert "not better beyond chance" in verdict["reason"]


def answers(categories, predicted):
    groups = range(len(categories))
    return pd.DataFrame({"category": categories, "predicted": predicted, "group": groups})


def test_who_knows_a_new_category_need_only_hold_its_own_elsewhere():
    seen = ["football"] * 20 + ["frisbee"] * 2
    before = answers(seen, ["football"] * 20 + ["football"] * 2)
    more = [*KNOWN, "frisbee"]
    equal = SAME | compare(answers(seen, seen), before, more, KNOWN)
    worse = SAME | compare(answers(seen, ["frisbee"] * 22), before, more, KNOWN)

    assert (equal["new_categories"], equal["gain"], equal["accuracy"]) == (["frisbee"], 0, 1)
    assert verdict_of(equal)["promote"]
    assert "the champion does not know frisbee" in verdict_of(equal)["reason"]
    assert not verdict_of(worse)["promote"]
    assert "worse beyond chance" in verdict_of(worse)["reason"]


@pytest.mark.parametrize("categories", [["car", "boat"], ["football"], ["football", "car"]])
def test_who_lacks_what_the_champion_knows_never_follows_it(categories):
    seen = answers(categories * 20, categories * 20)
    compared = compare(seen, answers(seen["category"], ["x"] * len(seen)), categories, KNOWN)

    verdict = verdict_of(SAME | compared)

    assert not verdict["promote"]
    assert "tennis_ball, as the champion does" in verdict["reason"]


@pytest.mark.parametrize("sample", [True, False])
def test_photographs_follow_the_rendered_sample_and_never_the_other_way(sample):
    champion = SAME | {"gain": 0.5 if sample else -0.5, "p_value": 0.0, "sample": not sample}

    assert verdict_of(champion, sample=sample)["promote"] is not sample


def test_a_reason_names_ten_categories_at_most():
    names = [f"category {i}" for i in range(1_010)]
    classes = pd.DataFrame({"category": names, "recall": 0.0, "support": 40})

    reason = judge(FIGURES, classes, None, 0, 0.2)["reason"]

    assert reason.endswith("category 9 (0.00 of 40) and 1,000 more")
