"""The page's charts leave nothing out."""

from types import SimpleNamespace

import pytest

from history_service.charts import MOST_BARS, Statistics


def labels(count: int) -> list[tuple[str, int]]:
    """The bars of so many labels, the first with one prediction, the second with two, and so on."""
    summary = SimpleNamespace(
        by_label={f"kind_{i}": i + 1 for i in range(count)},
        by_version={"1": count},
        by_day={},
        confidence_histogram=[0] * 20,
    )
    return [(bar.name, bar.count) for bar in Statistics.of(summary, 0.6).labels]


def test_the_fifteen_categories_that_we_ship_have_a_bar_each():
    bars = labels(15)

    assert bars[0] == ("Kind 14", 15)
    assert bars[-1] == ("Kind 0", 1)
    assert len(bars) == 15


@pytest.mark.parametrize(("more", "name"), [(1, "1 other"), (3, "3 others")])
def test_what_has_no_bar_of_its_own_is_counted_in_the_last(more, name):
    bars = labels(MOST_BARS + more)

    assert bars[-1] == (name, sum(range(1, more + 1)))
    assert sum(count for _, count in bars) == sum(range(1, MOST_BARS + more + 1))
