"""split: no picture on two sides, every category parted alike, the same again from a seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.shared.stage import StageError, read_manifest
from steps.split import PARTS, assign, warn_of_shares

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


def table_of(groups: list[int], category: str = "a", start: int = 0) -> pd.DataFrame:
    """Rows of one category; groups: the size of each group of near-duplicates."""
    numbers = np.repeat(np.arange(start, start + len(groups)), groups)
    hashes = [f"{category}{number}" for number in numbers]
    return pd.DataFrame(
        {"category": category, "group": numbers, "conflict": False, "sha256": hashes}
    )


def two_categories(n: int = 100) -> pd.DataFrame:
    return pd.concat([table_of([1] * n), table_of([1] * n, "b", n)], ignore_index=True)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 6), min_size=6, max_size=40), min_size=2, max_size=4),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_whole_groups_stay_on_one_side_and_conflicts_only_train(sizes, seed, data):
    tables, start = [], 0
    for number, groups in enumerate(sizes):
        tables.append(table_of(groups, f"category {number}", start))
        start += len(groups)
    table = pd.concat(tables, ignore_index=True)
    # A group with two labels: the first group of one category takes in a row of another's.
    if data.draw(st.booleans()):
        both = table["group"].isin([0, len(sizes[0])])
        table.loc[both, ["group", "conflict"]] = [0, True]

    parts = assign(table, SHARES, seed)

    assert parts.isin(PARTS).all()
    assert parts.groupby(table["group"]).nunique().max() == 1
    assert set(parts[table["conflict"]]) <= {"train"}


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(1, 9), min_size=3, max_size=8), st.integers(0, 40), st.integers(0, 2**32)
)
def test_however_few_a_category_has_some_of_it_in_each_part(clean, conflicting, seed):
    table = table_of([*clean, *[1] * conflicting])
    table["conflict"] = table["group"] >= len(clean)

    parts = assign(table, SHARES, seed)

    assert set(parts[~table["conflict"]]) == set(PARTS)


@pytest.mark.parametrize("seed", range(3))
def test_every_category_is_parted_as_asked_within_a_point(seed):
    table = two_categories()

    parts = assign(table, SHARES, seed)

    got = parts.groupby(table["category"]).value_counts(normalize=True).unstack()
    for part, share in SHARES.items():
        assert (got[part] - share).abs().max() <= 0.01


def test_groups_of_different_sizes_still_meet_the_shares():
    table = table_of([1, 2, 3, 1, 1, 2, 1, 1] * 30)

    got = assign(table, SHARES, 1).value_counts(normalize=True)

    assert max(abs(got[part] - share) for part, share in SHARES.items()) <= 0.01


def test_the_same_seed_gives_the_same_parts():
    table = two_categories()

    assert assign(table, SHARES, 7).equals(assign(table, SHARES, 7))


def test_another_seed_gives_other_parts():
    table = two_categories()

    assert not assign(table, SHARES, 7).equals(assign(table, SHARES, 8))


def test_a_picture_that_goes_moves_no_other_but_at_the_borders():
    table = two_categories()
    fewer = table.drop(index=[3, 50, 120])

    moved = assign(table, SHARES, 7)[fewer.index] != assign(fewer, SHARES, 7)

    assert moved.sum() <= 4


def test_a_category_with_too_few_pictures_is_named():
    table = pd.concat([table_of([1] * 50), table_of([9, 1], "rare", 50)], ignore_index=True)

    with pytest.raises(StageError, match="category rare has 2 different pictures"):
        assign(table, SHARES, 1)


def test_a_category_of_copies_of_another_is_named():
    table = pd.concat([table_of([1] * 50), table_of([1] * 9, "misc")], ignore_index=True)
    table["conflict"] = table["group"] < 9

    with pytest.raises(StageError, match="every picture of category misc is a copy"):
        assign(table, SHARES, 1)


def test_shares_that_groups_do_not_allow_are_said():
    parts = pd.Series(["train"] * 90 + ["validation"] * 5 + ["test"] * 5)

    warnings = warn_of_shares(parts, SHARES)

    assert len(warnings) == 3
    assert "train holds 90.0% of the pictures where 70.0% were asked for" in warnings[0]


def test_shares_that_were_met_are_not_worth_a_word():
    assert not warn_of_shares(assign(two_categories(), SHARES, 1), SHARES)


def test_arrays_and_table_agree(house):
    table = pd.read_csv(house.split / "files.csv")
    images = np.load(house.dataprep / "images.npy", mmap_mode="r")

    for part in PARTS:
        rows = np.flatnonzero(table["split"] == part)
        assert (np.load(house.split / f"{part}.npy") == images[rows]).all()


def test_the_run_counts_the_parts(house):
    counts = house.runs["split"].data.metrics

    assert sum(counts[part] for part in PARTS) == 72
    assert counts["train"] == read_manifest(house.split)["train"]


def test_the_stage_gives_the_same_again(house, run_stage, tmp_path):
    flags = ["--prepared", house.dataprep, "--out", tmp_path / "out"]

    assert run_stage("split", *flags).code == 0

    assert read_manifest(tmp_path / "out")["digest"] == read_manifest(house.split)["digest"]


def test_shares_that_leave_nothing_to_train_on_are_refused(house, run_stage, tmp_path):
    shares = ["--validation-share", 0.5, "--test-share", 0.5]

    outcome = run_stage("split", "--prepared", house.dataprep, *shares, "--out", tmp_path / "out")

    assert outcome.code == 1
    assert "must leave a share to each part" in outcome.run.data.tags["stage.error"]


def test_shares_that_came_out_otherwise_are_printed(house, run_stage, tmp_path, capsys):
    shares = ["--validation-share", 0.13, "--test-share", 0.06]

    assert (
        run_stage("split", "--prepared", house.dataprep, *shares, "--out", tmp_path / "o").code == 0
    )

    assert "split: warning:" in capsys.readouterr().out
