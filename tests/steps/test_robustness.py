"""Spoilt pictures and strangers put to a model: who is asked, how many, and what counts as what."""

import pandas as pd
import pytest
from drawing import encoded, photograph

from steps.shared import trust_tests
from steps.shared.corruptions import CORRUPTIONS
from steps.shared.scorer import Scorer
from steps.shared.stage import StageError


class Answering(Scorer):
    """A Scorer with no model behind it: gives every picture the same answer, and counts."""

    def __init__(self, **answer):
        self.answer, self.asked = {"label": "a", "error": None} | answer, []

    def score(self, pictures, label="score", change=None, explain=False):
        self.asked.append((label, len(pictures)))
        return [self.answer for _ in pictures]


@pytest.mark.parametrize("answer", [{}, {"known": None}])
def test_a_model_that_never_says_known_is_not_measured(answer):
    assert trust_tests.rejected(Answering(**answer), 1) == {}


@pytest.mark.parametrize(("known", "share"), [(True, 0), (False, 1)])
def test_strangers_that_are_not_known_are_rejected(known, share):
    assert set(trust_tests.rejected(Answering(known=known), 1).values()) == {share}


@pytest.fixture
def tested(tmp_path):
    (tmp_path / "one.png").write_bytes(encoded(photograph(40, 30)))
    return pd.DataFrame({"path": "one.png", "category": ["a"] * 300 + ["b"] * 100})


def test_each_step_asks_about_the_same_few_photographs(tmp_path, tested):
    scorer = Answering()

    table = trust_tests.robustness(scorer, tmp_path, tested, 1)

    steps = 1 + sum(len(kind.levels) for kind in CORRUPTIONS.values())
    assert [count for _, count in scorer.asked] == [trust_tests.MOST] * steps
    assert set(table["count"]) == {trust_tests.MOST}
    assert table["accuracy"].to_numpy() == pytest.approx(0.75, abs=0.01)  # always "a"


def test_a_refused_picture_is_no_wrong_answer(tmp_path, tested):
    refusing = Answering(label=None, error={"code": "too_many_bytes", "message": "too large"})

    with pytest.raises(StageError, match="too large"):
        trust_tests.robustness(refusing, tmp_path, tested, 1)


def test_a_drawn_part_holds_each_category_in_its_share(tested):
    drawn, again, other = (trust_tests.stratified(tested, 40, seed) for seed in (1, 1, 2))

    assert drawn["category"].value_counts().to_dict() == {"a": 30, "b": 10}
    assert drawn.index.tolist() == again.index.tolist() != other.index.tolist()
    assert len(trust_tests.stratified(tested, 1000, 1)) == 400
